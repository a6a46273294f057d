"""The platform's own outages, declared from its pulses (semantics 3: they come from the platform itself).

What is declared follows from the pulses alone, in whatever order they were recorded. A pulse that comes later can show
that an outage was longer: then the declaration is withdrawn and the longer one filed. What a person has changed or
withdrawn is left alone.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import psycopg

from chargewatch.database import is_rehearsal, job_lock, watermark, writing
from chargewatch.instants import from_us, iso, to_us
from collector.pulse import taken as pulses
from collector.pulse.outages import Outage, Pulse, outages
from collector.pulse.rhythm import PulseSettings
from registry.intake import Origin, take_in
from registry.problems import Row
from registry.tables import BY_NAME

BY = "scheduler"
"""Who files, in the registry's history."""

_TABLE = BY_NAME["declarations"]
_FILED = """
SELECT DISTINCT ON (declaration_id) {columns}, i.imported_by FROM registry_declarations AS d
LEFT JOIN registry_imports AS i USING (import_id)
WHERE d.operator_id IS NULL AND d.declaration_id LIKE 'outage-%'
ORDER BY declaration_id, d.recorded_at DESC, row_id DESC
"""
_NEW = """
SELECT min(sent_at), min(from_us) FROM pulse LEFT JOIN scheduler_look ON job = 'outages'
WHERE recorded_at <= %(as_of)s AND recorded_at > coalesce(scheduler_look.as_of, '-infinity')
"""
# The last one sent before, by anybody, and by each sender of those that follow.
_BEFORE = """
recorded_at <= %(as_of)s AND (
  sent_at = (SELECT max(sent_at) FROM pulse WHERE sent_at < %(start)s AND recorded_at <= %(as_of)s)
  OR (client_id, boot_id, seq) IN (
    SELECT f.client_id, f.boot_id, earlier.seq FROM (
      SELECT client_id, boot_id, min(seq) AS seq FROM pulse
      WHERE sent_at >= %(start)s AND recorded_at <= %(as_of)s GROUP BY client_id, boot_id
    ) AS f CROSS JOIN LATERAL (
      SELECT seq FROM pulse AS p WHERE p.client_id = f.client_id AND p.boot_id = f.boot_id AND p.seq < f.seq
        AND p.recorded_at <= %(as_of)s ORDER BY seq DESC LIMIT 1
    ) AS earlier
  )
)
"""
_LOOKED = """
INSERT INTO scheduler_look (job, as_of, from_us) VALUES ('outages', %s, %s)
ON CONFLICT (job) DO UPDATE SET as_of = excluded.as_of, from_us = excluded.from_us
"""

Cells = dict[str, Any]
"""A row of `declarations`; as filed, also who wrote it last (imported_by)."""


def declare(conn: psycopg.Connection, settings: PulseSettings) -> str:
    """File what outages have ended and settled, withdraw what later pulses have shown to be otherwise."""
    if is_rehearsal(conn):
        return "a rehearsal has no pulses: its clock is the senders'"
    as_of = watermark(conn)
    columns = ", ".join(f"d.{name}" for name in _TABLE.names)
    rows = conn.execute(_FILED.format(columns=columns).encode())
    filed = [dict(zip((*_TABLE.names, "imported_by"), row, strict=True)) for row in rows]
    start_us, known = _to_be_read(conn, as_of, filed, settings)
    if not known:
        return "no new pulses"
    found = outages(known, settings)
    until_us = max(one.sent_us for one in known) - settings.settled_us
    new, gone = changes(found, until_us, [one for one in filed if to_us(one["start"]) >= start_us], settings)
    with job_lock(conn, "registry import") as alone:
        if not alone:
            return "an import into the registry is under way"
        with writing(conn) as recorded_at:
            _take_in(
                conn,
                [
                    *(one | {"filed_at": recorded_at} for one in new),
                    *(one | {"withdrawn_at": recorded_at} for one in gone),
                ],
                settings,
                recorded_at,
            )
            open_us = min((one.from_us for one in found if one.to_us > until_us), default=None)
            conn.execute(_LOOKED, [as_of, open_us])
    said = [f"{len(new)} declared"] * bool(new) + [f"{len(gone)} withdrawn"] * bool(gone)
    return f"outages: {', '.join(said) or 'none new'}"


def changes(
    found: Iterable[Outage], until_us: int, filed: list[Cells], settings: PulseSettings
) -> tuple[list[Cells], list[Cells]]:
    """Declarations to file and those to withdraw, so that what has ended by `until_us` stands as found, once.

    `filed` are this job's declarations of that time. One that is part of an outage which has not ended yet stands
    until the longer one is filed.
    """
    open_ = [one for one in found if one.to_us > until_us]
    wanted = {cells["declaration_id"]: cells for cells in (_cells(one, settings) for one in found if one not in open_)}
    standing = [one for one in filed if one["withdrawn_at"] is None]
    taken = {one["declaration_id"]: one for one in filed}
    kept, new = set(), []
    for name, cells in wanted.items():
        mine = [one for one in filed if one["declaration_id"].startswith(name)]
        if any(one["withdrawn_at"] is None or one["imported_by"] != BY for one in mine):
            kept |= {one["declaration_id"] for one in mine}
            continue
        again = f"{name}-{len(mine) + 1}" if name in taken else name
        new.append(cells | {"declaration_id": again})
    gone = [
        {column: one[column] for column in _TABLE.names}
        for one in standing
        if one["declaration_id"] not in kept
        and one["imported_by"] == BY
        and not any(to_us(one["start"]) < more.to_us and more.from_us < to_us(one["end"]) for more in open_)
    ]
    return new, gone


def _cells(outage: Outage, settings: PulseSettings) -> Cells:
    first, last = outage.first, outage.last
    reference = (
        f"{settings.id}: pulse {first.name} sent {iso(first.sent_us)} received {iso(first.received_us)}"
        f" to {last.name} sent {iso(last.sent_us)} received {iso(last.received_us)}"
    )
    content = f"{outage.from_us} {outage.to_us} {reference}"
    return dict.fromkeys(_TABLE.names) | {
        "declaration_id": f"outage-{from_us(outage.from_us):%Y%m%dT%H%M%SZ}-"
        + hashlib.sha256(content.encode()).hexdigest()[:8],
        "scope": "platform",
        "cause": "platform_outage",
        "start": from_us(outage.from_us),
        "end": from_us(outage.to_us),
        "reference": reference,
        "approved": True,
    }


def _take_in(conn: psycopg.Connection, rows: list[Cells], settings: PulseSettings, recorded_at: datetime) -> None:
    if rows:
        digest = hashlib.sha256(repr([sorted(row.items()) for row in rows]).encode()).hexdigest()
        numbered = [Row(number, row) for number, row in enumerate(rows, 1)]
        take_in(conn, {_TABLE.name: numbered}, Origin(BY, f"job outages, {settings.id}", digest), recorded_at)


def _to_be_read(
    conn: psycopg.Connection, as_of: datetime, filed: list[Cells], settings: PulseSettings
) -> tuple[int, list[Pulse]]:
    """Since when pulses are read (µs), so that nothing new can reach further back, and they; none if nothing is new."""
    row = conn.execute(_NEW.encode(), {"as_of": as_of}).fetchone()
    assert row is not None
    if row[0] is None:
        return 0, []
    start_us = min(to_us(row[0]), row[1] if row[1] is not None else to_us(row[0])) - settings.margin_us
    while True:
        values: Cells = {"start": from_us(start_us), "as_of": as_of}
        before = pulses.read(conn, _BEFORE, values)
        reasons = [to_us(one["start"]) for one in filed if _near(start_us, one, settings)]
        reasons += [one.sent_us for one in before if start_us - one.sent_us > settings.tolerance_us]
        if not reasons:
            break
        start_us = min(reasons) - settings.margin_us
    return start_us, before + pulses.read(conn, "sent_at >= %(start)s AND recorded_at <= %(as_of)s", values)


def _near(start_us: int, filed: Cells, settings: PulseSettings) -> bool:
    """Whether reading from there would cut a declaration, or lose what lies close before it."""
    return (
        to_us(filed["start"]) < start_us + settings.steady_us and start_us <= to_us(filed["end"]) + settings.margin_us
    )
