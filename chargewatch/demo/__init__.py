"""The demo: one simulated month through broker, collector, database and scheduler, and what it came to."""

import time
from datetime import date

from chargewatch.demo.play import publish
from chargewatch.demo.result import gather
from chargewatch.demo.show import show
from chargewatch.demo.stage import Stage, stage
from chargewatch.output import say

FIRST_DAY, LAST_DAY = date(2023, 6, 1), date(2023, 7, 1)  # the last one exclusive


def run(*, keep: bool, stations: int, seed: int) -> None:
    """Play the month and show its figures; with `keep`, everything serves on until ctrl-C.

    Raises Refusal, with what the process in question said, if anything does not start or ends too early.
    """
    from simulators import registry_folder
    from simulators.month import simulate

    began = time.monotonic()
    with stage() as here:
        say(f"city       {stations} stations made from seed {seed}")
        month = simulate(seed, FIRST_DAY, LAST_DAY, stations)
        month.truth.write(here.folder / "truth.json")
        registry_folder.write(month.registry, here.folder / "registry")
        here.processes.run("registry", "import", here.folder / "registry")
        here.start("collector", "collect", "Collecting from")  # what comes before it has subscribed, nobody keeps
        here.start("scheduler", "schedule", "scheduler running")
        say("services   collector and scheduler are running\n")
        sent = publish(here, month)
        say("figures    the scheduler computes and issues the month …")
        result = gather(here, month.truth, sent, FIRST_DAY)
        show(result, time.monotonic() - began)
        if keep:
            _serve(here)
    say("Everything that the demo started has ended." + ("" if keep else " `make demo KEEP=1` keeps it serving."))


def _serve(here: Stage) -> None:
    for name, url in here.metrics.items():
        print(f"{name + ' metrics':18} {url}")
    print(f"{'broker':18} {here.mqtt_url}")
    print(f"{'database':18} {here.dsn}")
    print("\nAsk it yourself in another terminal:")
    print(f"  export CHARGEWATCH_DSN='{here.dsn}'")
    print(f"  .venv/bin/chargewatch uptime report --from {FIRST_DAY} --to {LAST_DAY} --by charger")
    print("ctrl-C ends all of it.", flush=True)
    try:
        while True:
            time.sleep(1)
            here.processes.fail_if_ended()
    except KeyboardInterrupt:
        print()
