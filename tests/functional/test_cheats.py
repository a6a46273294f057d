"""A city whose cheats are known, all the way to the statement: each is found, and the honest are left alone."""

from pathlib import Path

import psycopg

from benchmarks.cheat_tally import Tally
from benchmarks.cheats import LEAST_RECALL, MOST_HONEST_PCT, QUICK, city
from benchmarks.judging import RULES, measure


def test_a_small_city_of_cheats_is_seen_through(embedded_rehearsal_dsn: str, tmp_path: Path) -> None:
    known = city(tmp_path, QUICK.seeds[0], QUICK, embedded_rehearsal_dsn)
    with psycopg.connect(embedded_rehearsal_dsn, autocommit=True) as connection:
        measured = measure(connection)
    tally = Tally()
    tally.add(known, measured, RULES)
    missed = {code: tally.recall(code) for code, rules in RULES.items() if rules and tally.injected[code]}
    assert len(missed) > 15
    assert {code: share for code, share in missed.items() if share < LEAST_RECALL} == {}
    assert tally.honest > 2000
    assert tally.honest_share() * 100 <= MOST_HONEST_PCT, tally.honest_found
    # What leaves a trace and would have been paid is not.
    before, after = (sum(yuan[code] for code, rules in RULES.items() if rules) for yuan in (tally.before, tally.after))
    assert before > 100
    assert after < before / 50
