"""All that these rules pay, from one registry and its facts: awards, findings, dispositions and operating lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from chargewatch.instants import day_of_us
from subsidy import dispositions, findings, operating, place, serials
from subsidy.awarding import Awarding, Awards
from subsidy.eligibility import Eligibility, Operation
from subsidy.findings import Findings, Looked, Mask, supply
from subsidy.findings.meter import beyond_advance
from subsidy.findings.settled import Decision, Settled, settled
from subsidy.policy import Policy
from subsidy.versions import Versions, rows
from uptime.sessions import contradictory, counting, proven
from uptime.settings import IntervalSettings

KEYS = {
    "operators": ("operator_id",),
    "stations": ("operator_id", "station_id"),
    "power_units": ("operator_id", "power_unit_id"),
    "chargers": ("operator_id", "charger_id"),
    "connectors": ("operator_id", "connector_id"),
}


@dataclass(frozen=True)
class Around:
    """What is known around the orders, by position of all their versions, and what was decided of their findings.

    `seen` as of subsidy.findings.observed, `vehicles` a categorical of pseudonyms; None where only orders are given.
    """

    seen: pd.DataFrame | None = None
    vehicles: pd.Categorical | None = None
    decisions: Sequence[Decision] = ()


@dataclass(frozen=True)
class Entitlement:
    """What is due by these rules up to `last_day`, whatever the period it is stated for.

    `sessions` are the versions that count; `proven`, `place` (`row`) and `dispositions` belong to them by position.
    """

    policy: Policy
    last_day: date
    operators: tuple[str, ...]
    eligibility: Eligibility
    awarding: Awarding
    awards: Awards
    sessions: pd.DataFrame
    proven: Mask
    place: pd.DataFrame
    looked: Looked
    settled: list[Settled]
    dispositions: pd.DataFrame
    lines: pd.DataFrame
    shared_serials: Mapping[str, list[tuple[str, str]]]

    @property
    def findings(self) -> list[Findings]:
        """What each rule found, decided or not."""
        return [one.found for one in self.settled]


def decide(
    tables: Mapping[str, pd.DataFrame],
    all_sessions: pd.DataFrame,
    first_items: pd.DataFrame,
    first_receipts: pd.DataFrame,
    policy: Policy,
    settings: IntervalSettings,
    last_day: date,
    around: Around | None = None,
) -> Entitlement:
    """What is due up to `last_day`. Tables as in registry.Registry, facts as in subsidy.facts.Facts."""
    around = around or Around()
    counts = counting(all_sessions, settings)
    sessions = all_sessions[counts].reset_index(drop=True)
    receipts = first_receipts.assign(
        day=[(day_of_us(us, policy.zone) - place.EPOCH).days for us in first_receipts["received_us"]]
    ).drop(columns="received_us")
    where = place.of_sessions(sessions, tables, receipts, policy)
    looked = Looked(
        sessions,
        where,
        contradictory(all_sessions, settings)[counts],
        policy,
        tables,
        None if around.seen is None else around.seen[counts].reset_index(drop=True),
        None if around.vehicles is None else around.vehicles[counts],
    )
    found = [settled(one, around.decisions, looked) for one in findings.of_sessions(looked)]
    decided = dispositions.of_sessions(sessions, where, found, policy)
    # an order that a person let stand beyond the meter is not asked of the meter once more
    asked = (decided["disposition"] == dispositions.ADMITTED).to_numpy(dtype=np.bool_)
    for one in found:
        if one.found.rule == "beyond_meter":
            asked = asked & ~one.accepted
    beyond = beyond_advance(looked, asked)
    found.append(settled(beyond, around.decisions, looked))
    if beyond.groups:
        decided = dispositions.of_sessions(sessions, where, found, policy)
    supplied = supply.found(looked, (decided["disposition"] == dispositions.HELD).to_numpy())
    found += [settled(one, around.decisions, looked) for one in supplied]
    if any(one.groups for one in supplied):
        decided = dispositions.of_sessions(sessions, where, found, policy)
    versions = {name: Versions(tables[name], *key) for name, key in KEYS.items()}
    proof = proven(sessions, settings)
    eligibility = Eligibility(versions, _operation(sessions, where, proof, first_items, policy), policy)
    earlier = serials.Subsidised(rows(tables["awards"]), revoked_counts=policy.build.revoked_award_counts)
    awarding = Awarding(eligibility, earlier, policy)
    return Entitlement(
        policy,
        last_day,
        tuple(operator_id for (operator_id,) in versions["operators"].all_keys()),
        eligibility,
        awarding,
        awarding.until(last_day),
        sessions,
        proof,
        where,
        looked,
        found,
        decided,
        operating.lines(decided, policy),
        {serial: found for serial, found in serials.registered_for(versions["chargers"]).items() if len(found) > 1},
    )


def _operation(
    sessions: pd.DataFrame,
    where: pd.DataFrame,
    proof: Mask,
    first_items: pd.DataFrame,
    policy: Policy,
) -> Operation:
    """Policy days of the first items, and of the end of each charger's first proven session."""
    keys = zip(
        first_items["operator_id"], first_items["connector_id"], first_items["charger_id"], first_items["at_us"],
        strict=True,
    )  # fmt: skip
    items = {(operator, connector, charger): day_of_us(us, policy.zone) for operator, connector, charger, us in keys}
    proving = where[proof[where["row"].to_numpy()]]
    ends = proving[["operator_id", "charger_id"]].assign(end=sessions["ended_us"].to_numpy()[proving["row"]])
    first = ends.groupby(["operator_id", "charger_id"])["end"].min()
    days = {(str(operator), str(charger)): day_of_us(us, policy.zone) for (operator, charger), us in first.items()}
    return Operation(items, days)
