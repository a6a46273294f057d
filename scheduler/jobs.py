"""The table of jobs. What is due stands in the store, so that a job may run twice, late, or on two machines."""

from collections import Counter
from datetime import datetime, timedelta

import psycopg

import uptime.job
from chargewatch.database import now
from chargewatch.instants import day_start_us, from_us
from chargewatch.settings import load
from collector.pulse import rhythm as pulse
from compliance import ordering
from ledger.canonical import loads
from ledger.store import all_records, last
from scheduler import arrivals, collecting, evidence, figures, late, metrics, outages, sealing, upkeep, watch
from scheduler.issuing import Document, issue_due
from scheduler.running import Job
from subsidy import policy as policies
from subsidy.job import statement_body
from subsidy.periods import Period
from uptime import contests, report, settings
from uptime import profile as profiles

LEVELS = ("city", "district", "operator", "station", "charger", "connector")


def silence(conn: psycopg.Connection) -> str:
    """Show every connector's state now."""
    counts = watch.connectors_by_state(conn, profiles.load().zone, settings.load())
    metrics.replace(metrics.connectors, counts)
    states: Counter[str] = Counter()
    for (_, state), number in counts.items():
        states[state] += number
    return ", ".join(f"{number} {state}" for state, number in sorted(states.items())) or "no connectors"


def links(conn: psycopg.Connection) -> str:
    """Show every operator's connection now."""
    up = watch.links(conn)
    metrics.replace(metrics.link_up, {(operator_id,): ready for operator_id, ready in up.items()})
    return f"{sum(up.values())} of {len(up)} operators connected"


def show(conn: psycopg.Connection) -> str:
    """Show availability, money and the jobs' last success, from what the jobs have kept."""
    profile, moment = profiles.load(), now(conn)
    available, required = figures.windows(conn, profile, moment)
    metrics.replace(metrics.available_seconds, available)
    metrics.replace(metrics.required_seconds, required)
    metrics.replace(metrics.connectors_below_threshold, figures.below(conn, profile, moment))
    metrics.replace(metrics.subsidy_yuan, figures.subsidies(conn))
    metrics.availability_threshold_ratio.set(float(profile.threshold.value))
    metrics.succeeded(figures.last_successes(conn))
    return f"{len({operator_id for operator_id, _ in required})} operators shown"


def findings(conn: psycopg.Connection) -> str:
    """Show how many findings each rule has."""
    counts = figures.findings(conn, policies.load())
    metrics.replace(metrics.findings_open, counts)
    return f"{sum(counts.values())} findings"


def issue_reports(conn: psycopg.Connection) -> str:
    """Issue the availability report, at every level, of each closed month."""
    profile = profiles.load()

    def compute(conn: psycopg.Connection, month: Period, as_of: datetime) -> object:
        return report.compute(
            conn,
            first_day=month.first_day,
            last_day=month.end_day,
            by=LEVELS,
            profile=profile,
            settings=_limits(conn, month),
            as_of=as_of,
        )

    def contested(conn: psycopg.Connection, month: Period, as_of: datetime) -> str | None:
        start, end = (from_us(day_start_us(day, profile.zone)) for day in (month.first_day, month.end_day))
        references = contests.undecided(conn, start, end, as_of)
        return f"the decision of contest {', '.join(references)}" if references else None

    ripening = timedelta(days=profile.unknown_ripens_after_days)
    return issue_due(
        conn,
        Document(
            "availability",
            profile.zone,
            profile.issued_after_days,
            compute,
            changes_on=lambda month: [month.end_day + ripening],
            inputs=lambda conn, month, before, after: late.changing_inputs(
                conn, month, profile, _limits(conn, month), before, after
            ),
            waits_for=contested,
        ),
    )


def _limits(conn: psycopg.Connection, month: Period) -> settings.IntervalSettings:
    """The set that a month's figures stand on: once they are issued no other one supersedes them."""
    before = last(conn, "availability", month.name)
    rows = loads(before.body) if before is not None else []
    return settings.load(rows[0]["settings"]) if rows else settings.load()


def issue_statements(conn: psycopg.Connection) -> str:
    """Issue the statements, of all operators, of each closed month."""
    policy = policies.load()

    def compute(conn: psycopg.Connection, month: Period, as_of: datetime) -> object:
        earlier = [loads(record.body) for record in all_records(conn, "statement")]
        return statement_body(conn, period=month.name, policy=policy, as_of=as_of, issued_before=earlier)

    wait = int(policy.statements.issued_after_days.value)
    return issue_due(conn, Document("statement", policy.zone, wait, compute))


def declare_outages(conn: psycopg.Connection) -> str:
    """Declare the platform's own outages from its pulses."""
    return outages.declare(conn, pulse.load(load().pulses))


def read_arrivals(conn: psycopg.Connection) -> str:
    """Find gaps in the senders' sequences and items that came late."""
    return arrivals.look(conn, timedelta(hours=settings.load().late_limit_h))


def issue_evidence(conn: psycopg.Connection) -> str:
    """Issue one hash over each closed day's messages."""
    return evidence.issue_closed_days(conn, profiles.load().zone)


def seal(conn: psycopg.Connection) -> str:
    """Seal the ledger's closed days."""
    return sealing.seal_closed_days(conn, profiles.load().zone)


def measure_orders(conn: psycopg.Connection) -> str:
    """Measure every open rectification order again whose window is over: closed or escalated."""
    rows = ordering.remeasure(conn, who="scheduler")
    became = Counter(row["state"] for row in rows if row["verdict"] is not None)
    waiting = sum(row["verdict"] is None for row in rows)
    said = [f"{number} {state}" for state, number in sorted(became.items())] or ["none is due"]
    return f"{', '.join(said)}; {waiting} {'wait' if waiting != 1 else 'waits'} for the end of their windows"


JOBS = (
    Job("availability", 300, "service intervals and sums of each closed day", uptime.job.run),
    Job("report", 600, "the availability report of each closed month, issued to the ledger", issue_reports),
    Job("statement", 600, "the subsidy statements of each closed month, issued to the ledger", issue_statements),
    Job("evidence", 600, "one hash over the messages of each closed day, issued to the ledger", issue_evidence),
    Job("seal", 600, "the ledger's head of each closed day", seal),
    Job("orders", 3600, "rectification orders past their window, measured again: closed or escalated", measure_orders),
    Job("partitions", 3600, "partitions of the time series for the months to come", upkeep.partitions),
    Job("outages", 60, "the platform's own outages, declared from its pulses", declare_outages),
    Job("arrivals", 120, "gaps in the senders' sequences and late items since the last look", read_arrivals),
    Job("collectors", 60, "the collectors, the pulse, gaps and late items, as metrics", collecting.show, alone=False),
    Job("silence", 60, "the state of each connector now, as a metric", silence, alone=False),
    Job("links", 60, "each operator's connection now, as a metric", links, alone=False),
    Job("figures", 60, "availability, money and the jobs' last success, as metrics", show, alone=False),
    Job("findings", 900, "findings by rule, as a metric", findings, alone=False),
)
