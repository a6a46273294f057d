"""Unit tests reach nothing."""

import socket

import pytest
from pytest_socket import SocketBlockedError

from chargewatch import database
from chargewatch.errors import Refusal


def test_no_socket_can_be_opened() -> None:
    with pytest.raises((SocketBlockedError, UserWarning), match=r"socket\.socket"):
        socket.socket()


def test_no_database_can_be_found() -> None:
    with pytest.raises(Refusal, match="cannot be reached"):
        database.connect()
