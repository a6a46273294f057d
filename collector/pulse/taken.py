"""Pulses in the store: written beside the batch that they came with."""

from collections.abc import Iterable

import psycopg

from chargewatch import database
from chargewatch.instants import to_us
from collector.mqtt import Message
from collector.pulse import rhythm as pulse
from collector.pulse.outages import Pulse


def write(connection: psycopg.Connection, messages: Iterable[Message]) -> None:
    """Record the receipt of these pulses; a retained copy, or what is none, is dropped."""
    rows = [
        (*sent, one.received_at)
        for one in messages
        if not one.retained and (sent := pulse.decode(one.topic, one.payload)) is not None
    ]
    if rows:
        with database.writing(connection) as recorded_at, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO pulse (client_id, boot_id, seq, sent_at, received_at, recorded_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                [(*row, recorded_at) for row in rows],
            )


_READ = """
SELECT client_id, boot_id, seq, sent_at, received_at FROM pulse
WHERE {} AND client_id IN (SELECT client_id FROM collector_member)
"""


def read(connection: psycopg.Connection, condition: str, values: dict[str, object]) -> list[Pulse]:
    """The pulses of this store's own collectors for which an SQL condition holds."""
    rows = connection.execute(_READ.format(condition).encode(), values)
    return [
        Pulse(client_id, boot_id, seq, to_us(sent), to_us(received)) for client_id, boot_id, seq, sent, received in rows
    ]
