"""The broker's own counters: what it drops is counted, and where it does not tell that is said once."""

import pytest
from prometheus_client import CollectorRegistry

from chargewatch import broker, settings
from collector import broker_watch
from collector.broker_watch import BrokerWatch
from tests.integration.mqtt_client import Client, client
from tests.integration.production_broker import ProductionBroker, secret
from tests.integration.publishing import wait_until


def watching(said: list[str]) -> tuple[BrokerWatch, CollectorRegistry]:
    registry = CollectorRegistry()
    watch = BrokerWatch(broker.address(settings.load()), "watcher", said.append)
    registry.register(watch)
    watch.start()
    return watch, registry


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
    watch, registry = watching(said)
    with client(city.port, "A", password, ca=city.keys / "ca.crt") as sender:
        for _ in range(50):
            sender.publish("ev/1/A/status")
    # 20 in flight and 10 queued are the most that the broker keeps for who is away.
    wait_until(lambda: (registry.get_sample_value("chargewatch_broker_dropped_total") or 0) >= 20, 20)
    assert (registry.get_sample_value("chargewatch_broker_received_total") or 0) >= 50
    assert registry.get_sample_value("chargewatch_broker_heap_bytes")
    city.stop()
    wait_until(lambda: registry.get_sample_value("chargewatch_broker_dropped_total") is None, 20)
    watch.stop()
    assert said == []


def test_a_broker_that_does_not_tell_is_said_once(city: ProductionBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_watch, "_PATIENCE_S", 2.0)
    access = city.keys / "platform.acl"
    access.write_text(access.read_text().replace("topic read $SYS/broker/#\n", ""))
    city.restart()
    said: list[str] = []
    watch, registry = watching(said)
    wait_until(lambda: said != [], 10)
    watch.stop()
    assert registry.get_sample_value("chargewatch_broker_dropped_total") is None
    assert len(said) == 1
    assert "shows none of its own counters" in said[0]
