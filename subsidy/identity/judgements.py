"""What is wrong, or only worth knowing, about identities: each judgement named, with its evidence.

Found by a policy's findings (`duplicate_serial`, `duplicate_meter`, `duplicate_qr`, `same_place`); and the lives of
equipment, which explain a number that turns up twice: `relocated`, `resold`, `re_registered`, `renumbered`,
`overwritten`, `replaced`, `replaced_unknown`, `replaced_in_service`, `award_twice`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

from subsidy import serials
from subsidy.identity.holdings import (
    Holding,
    Registered,
    at_once,
    by_number,
    in_service,
    meters,
    qr_codes,
    serial_numbers,
    served,
)
from subsidy.identity.places import meetings, stands
from subsidy.policy import Policy
from subsidy.positions import MM, distance_mm
from subsidy.versions import Row

FOUND = ("duplicate_serial", "duplicate_meter", "duplicate_qr", "same_place")
"""Codes that are findings of the policy."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One judgement: code, the charger or connector it is about (and its charger), days [from, until), what was seen.

    `seen`: what the words name; `evidence`: the registry's rows by their keys.
    """

    code: str
    level: str
    operator_id: str
    id: str
    charger_id: str
    from_day: date
    until_day: date
    seen: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[Mapping[str, Any], ...] = ()

    def holds(self, day: date) -> bool:
        """Whether it is so on a day."""
        return self.from_day <= day < self.until_day


def judge(registered: Registered, awards: Iterable[Row], former: Iterable[Row], policy: Policy) -> list[Judgement]:
    """Every judgement, by code, operator and id.

    `awards`: the registry's earlier awards; `former`: chargers' rows as they stood before an import wrote over them.
    """
    found = [
        *shared(serial_numbers(registered), "duplicate_serial", "charger", "serial", policy),
        *shared(meters(registered), "duplicate_meter", "connector", "meter", policy),
        *shared(qr_codes(registered), "duplicate_qr", "connector", "qr", policy),
        *same_place(registered, policy),
        *passed_on(registered),
        *relocated(registered, policy),
        *renumbered(registered),
        *overwritten(registered, former),
        *replacing(registered, awards := list(awards)),
        *award_twice(awards),
    ]
    return sorted(found, key=lambda one: (one.code, one.operator_id, one.id, one.from_day))


def shared(holdings: Iterable[Holding], code: str, level: str, name: str, policy: Policy) -> Iterator[Judgement]:
    """One number at two things on the same days; each of them, with one other."""
    for number, mine in by_number(holdings).items():
        count = str(len({held.thing for held in mine}))
        for one, other in at_once(mine):
            if one.kind in policy.findings.rule(code).kinds:
                first, end = max(one.first_day, other.first_day), min(one.end_day, other.end_day)
                seen = {name: number, "operator": other.operator_id, "other": other.id, "from": said(first)}
                seen["count"] = count
                yield Judgement(
                    code, level, *one.thing, one.charger_id, first, end, seen, (one.evidence, other.evidence)
                )


def same_place(registered: Registered, policy: Policy) -> Iterator[Judgement]:
    """Chargers of two stations within the policy's distance of each other, on the same days."""
    rule = policy.findings.same_place
    for found in meetings(list(stands(registered)), rule.within.value):
        one, other = found.one, found.other
        if one.kind not in rule.kinds:
            continue
        first, end = max(one.first_day, other.first_day), min(one.end_day, other.end_day)
        seen = {"operator": other.station[0], "station": other.station[1], "other": other.charger_id}
        seen["distance"] = f"{found.apart_mm // MM}.{found.apart_mm % MM:03d}"
        rows = tuple(
            {
                "table": "chargers" if stand.own else "stations",
                "operator_id": stand.station[0],
                "id": stand.charger_id if stand.own else stand.station[1],
                "longitude": str(stand.position[0]),
                "latitude": str(stand.position[1]),
            }
            for stand in (one, other)
        )
        yield Judgement("same_place", "charger", one.station[0], one.charger_id, one.charger_id, first, end, seen, rows)


def passed_on(registered: Registered) -> Iterator[Judgement]:
    """A serial number that one charger bore before another: `resold` to another operator, or `re_registered`."""
    for number, mine in by_number(serial_numbers(registered)).items():
        for before, one in pairwise(mine):
            if before.thing == one.thing or before.end_day > one.first_day:
                continue
            code = "re_registered" if before.operator_id == one.operator_id else "resold"
            seen = {"serial": number, "operator": before.operator_id, "other": before.id, "until": said(before.end_day)}
            rows = (one.evidence, before.evidence)
            yield Judgement(code, "charger", *one.thing, one.id, one.first_day, one.end_day, seen, rows)


def relocated(registered: Registered, policy: Policy) -> Iterator[Judgement]:
    """A charger that stands at another station, or farther from where it stood than one place reaches."""
    within_mm = policy.findings.same_place.within.value * MM
    for before, row in _successive(registered):
        seen = {"before": before["station_id"], "station": row["station_id"], "from": said(row["valid_from"])}
        moved = row["station_id"] != before["station_id"]
        places = [(one["longitude"], one["latitude"]) for one in (before, row)]
        if None not in (*places[0], *places[1]) and (apart := distance_mm(*places)) > within_mm:
            moved, seen = True, {**seen, "distance": f"{apart // MM}.{apart % MM:03d}"}
        if moved:
            yield _of_charger("relocated", row, seen, (before, row))


def renumbered(registered: Registered) -> Iterator[Judgement]:
    """A charger whose serial number became another one from a day on: a new device has a new charger id."""
    for before, row in _successive(registered):
        if serials.normal(before["serial_no"]) != serials.normal(row["serial_no"]):
            seen = {"before": before["serial_no"], "serial": row["serial_no"], "from": said(row["valid_from"])}
            yield _of_charger("renumbered", row, seen, (before, row))


def overwritten(registered: Registered, former: Iterable[Row]) -> Iterator[Judgement]:
    """A charger's row that bore another serial number until an import wrote over it."""
    for old in former:
        mine = registered.chargers.of(old["operator_id"], old["charger_id"])
        row = next((one for one in mine if one["valid_from"] == old["valid_from"]), None)
        if row is not None and serials.normal(old["serial_no"]) != serials.normal(row["serial_no"]):
            seen = {"before": old["serial_no"], "serial": row["serial_no"]}
            yield _of_charger("overwritten", row, seen, (old, row))


def replacing(registered: Registered, awards: Iterable[Row]) -> Iterator[Judgement]:
    """A charger that replaces another one (it earns the increment only), and what is odd about that.

    `replaced_unknown`: no charger and no award bears the number that it names; `replaced_in_service`: the charger that
    it names is in service on its own first day, or after.
    """
    holders: dict[str, list[Holding]] = {}
    for one in serial_numbers(registered):
        holders.setdefault(one.number, []).append(one)
    awarded: dict[str, list[Row]] = {}
    for award in awards:
        awarded.setdefault(serials.normal(award["serial_no"]), []).append(award)
    for row, first, end in served(registered.chargers):
        number = serials.normal(row["replaces_serial_no"])
        if not number:
            continue
        mine, paid = holders.get(number, []), awarded.get(number, [])
        yuan = sum((award["amount_yuan"] for award in paid if award["revoked_on"] is None), start=0)
        seen = {"serial": row["replaces_serial_no"], "yuan": str(yuan), "from": said(first)}
        rows = [row, *(one.row for one in mine)]
        yield _of_charger("replaced", row, seen, rows, paid)
        if not mine and not paid:
            yield _of_charger("replaced_unknown", row, seen, rows)
        own = (row["operator_id"], row["charger_id"])
        running = [one for one in mine if one.thing != own and one.first_day < end and one.end_day > first]
        if running:
            more = {"operator": running[0].operator_id, "other": running[0].id}
            yield _of_charger("replaced_in_service", row, {**seen, **more}, [row, running[0].row])


def award_twice(awards: Iterable[Row]) -> Iterator[Judgement]:
    """An award that stands in the registry twice, its serial number written in two ways; the larger one counts."""
    by: dict[tuple[Any, ...], list[Row]] = {}
    for row in awards:
        key = (serials.normal(row["serial_no"]), row["awarded_on"], row["programme"], row["kind"] or "")
        by.setdefault(key, []).append(row)
    for (number, day, programme, _), rows in sorted(by.items()):
        if len(rows) > 1:
            written = ", ".join(sorted(row["serial_no"] for row in rows))
            seen = {"serial": number, "written": written, "programme": programme, "from": said(day)}
            evidence = tuple(
                {"table": "awards", "serial_no": row["serial_no"], "yuan": str(row["amount_yuan"])} for row in rows
            )
            yield Judgement("award_twice", "award", "", number, "", day, date.max, seen, evidence)


def said(day: date) -> str:
    """A day in words; empty for since ever and for ever."""
    return "" if day in (date.min, date.max) else day.isoformat()


def _successive(registered: Registered) -> Iterator[tuple[Row, Row]]:
    """Each version of a charger with the one before it."""
    for key in registered.chargers.all_keys():
        rows = registered.chargers.of(*key)
        yield from pairwise(rows)


def _of_charger(
    code: str, row: Row, seen: Mapping[str, str], rows: Iterable[Row], awards: Iterable[Row] = ()
) -> Judgement:
    evidence = [
        {
            "table": "chargers",
            "operator_id": one["operator_id"],
            "id": one["charger_id"],
            "valid_from": None if one["valid_from"] is None else one["valid_from"].isoformat(),
            "serial_no": one["serial_no"],
        }
        for one in rows
    ]
    evidence += [
        {"table": "awards", "serial_no": one["serial_no"], "awarded_on": one["awarded_on"].isoformat()}
        for one in awards
    ]
    first, end = in_service(row, row["valid_from"] or date.min, date.max)
    return Judgement(
        code, "charger", row["operator_id"], row["charger_id"], row["charger_id"], first, end, seen, tuple(evidence)
    )
