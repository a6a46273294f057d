"""The broker's own counters: what it drops is counted, and where it does not tell that is said once."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry

from chargewatch import broker, settings
from collector import broker_watch
from collector.broker_watch import BrokerWatch
from tests.integration.mqtt_client import Client, client
from tests.integration.production_broker import ProductionBroker, secret
from tests.integration.publishing import wait_until


@contextmanager
def watching(said: list[str]) -> Iterator[CollectorRegistry]:
    registry = CollectorRegistry()
    watch = BrokerWatch(broker.address(settings.load()), "watcher", said.append)
    registry.register(watch)
    watch.start()
    try:
        yield registry
    finally:
        watch.stop()


def test_what_the_broker_drops_is_counted(city: ProductionBroker) -> None:
    text = city.configuration.read_text(encoding="utf-8")
    assert "\nmax_queued_messages 1000000\n" in text
    city.configuration.write_text(text.replace("max_queued_messages 1000000", "max_queued_messages 10"))
    city.restart()
    password, said = secret("add", "A"), []
    platform = (city.keys / "platform.secret").read_text().strip()
    away = Client(
        city.platform_port, "platform", platform, client_id="away", ca=city.keys / "ca.crt", keep_session=True
    )
    away.subscribe("operators/ev/1/+/+")
    away.close()
    with watching(said) as registry:
        with client(city.port, "A", password, ca=city.keys / "ca.crt") as sender:
            for _ in range(50):
                sender.publish("ev/1/A/status")
        # 20 in flight and 10 queued are the most that the broker keeps for who is away.
        wait_until(lambda: (registry.get_sample_value("chargewatch_broker_dropped_total") or 0) >= 20, 20)
        # Each counter is a message of its own.
        wait_until(lambda: (registry.get_sample_value("chargewatch_broker_received_total") or 0) >= 50, 20)
        wait_until(lambda: bool(registry.get_sample_value("chargewatch_broker_heap_bytes")), 20)
        city.stop()
        wait_until(lambda: registry.get_sample_value("chargewatch_broker_dropped_total") is None, 20)
    assert said == []


def test_a_broker_that_does_not_tell_is_said_once(city: ProductionBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_watch, "_PATIENCE_S", 2.0)
    access = city.keys / "platform.acl"
    access.write_text(access.read_text().replace("topic read $SYS/broker/#\n", ""))
    city.restart()
    said: list[str] = []
    with watching(said) as registry:
        wait_until(lambda: said != [], 10)
    assert registry.get_sample_value("chargewatch_broker_dropped_total") is None
    assert len(said) == 1
    assert "shows none of its own counters" in said[0]
