"""The evidence of each closed day, issued to the ledger: one hash over the messages recorded on it."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import psycopg

from chargewatch.database import is_rehearsal, watermark
from chargewatch.instants import day_start_us, from_us
from ledger import messages, store
from ledger.evidence import KIND, digest, line
from scheduler.closed import closed_days


def issue_closed_days(conn: psycopg.Connection, zone: ZoneInfo) -> str:
    """Issue the evidence of every closed day that has none yet; what was done, for people.

    What is recorded is recorded now, so that a closed day's evidence stays as it is. In a rehearsal, whose clock is the
    senders', a day can still change; its evidence is then superseded.
    """
    first = messages.first(conn)
    if first is None:
        return "nothing has been recorded yet"
    as_of = watermark(conn)
    known = {record.subject for record in store.all_records(conn, KIND)}
    days = [day for day in closed_days(first, as_of, zone) if is_rehearsal(conn) or day.isoformat() not in known]
    before = len(known)
    for day in days:
        start, end = (from_us(day_start_us(one, zone)) for one in (day, day + timedelta(days=1)))
        body = {**digest(map(line, messages.of_day(conn, day, start, end))), "from": start, "to": end}
        known.add(store.issue(conn, kind=KIND, subject=day.isoformat(), body=body, as_of=as_of).subject)
    return f"{len(known) - before} days issued; {len(known)} in all"
