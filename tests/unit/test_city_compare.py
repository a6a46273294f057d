"""Truth beside measurement: each difference is found, measured to the microsecond and explained."""

from simulators.truth import Disturbance, Measured, TrueConnector, TrueInterval, Truth, compare, ratio

HOUR = 3_600_000_000
DAY = 24 * HOUR


def truth(*disturbances: Disturbance, deducted: tuple[tuple[int, int], ...] = ()) -> Truth:
    intervals = (
        TrueInterval("serving", 0, 10 * HOUR, ""),
        TrueInterval("faulted", 10 * HOUR, 12 * HOUR, "fault"),
        TrueInterval("serving", 12 * HOUR, DAY, ""),
    )
    connector = TrueConnector("OP", "S1", "C1", intervals, deducted, disturbances)
    return Truth(1, 0, DAY, (connector,), (), ())


def measured(*cuts: tuple[str, int]) -> list[Measured]:
    ends = [end for _, end in cuts]
    return [Measured("OP", "C1", state, start, end) for (state, end), start in zip(cuts, [0, *ends], strict=False)]


def test_the_same_intervals_have_no_difference_however_they_are_cut() -> None:
    cut = measured(("serving", 3 * HOUR), ("serving", 10 * HOUR), ("faulted", 12 * HOUR), ("serving", DAY))
    (row,) = compare(truth(), reversed(cut))
    assert row["differences"] == []
    assert row["true_ratio"] == row["measured_ratio"] == "0.91666666"
    assert row["disturbed"] is False


def test_a_microsecond_is_a_difference_and_nothing_explains_it() -> None:
    (row,) = compare(truth(), measured(("serving", 10 * HOUR + 1), ("faulted", 12 * HOUR), ("serving", DAY)))
    (difference,) = row["differences"]
    assert difference["seconds"] == "0.000001"
    assert (difference["true_state"], difference["measured_state"]) == ("faulted", "serving")
    assert difference["cause"] == "none"
    assert row["measured_up_us"] - row["true_up_us"] == 1


def test_silence_explains_what_was_not_heard_and_what_is_felt_of_it() -> None:
    silent = Disturbance("silence", 14 * HOUR, 16 * HOUR, 17 * HOUR, "silent charger")
    heard = measured(
        ("serving", 10 * HOUR),
        ("faulted", 12 * HOUR),
        ("serving", 14 * HOUR + 5),
        ("no_data", 18 * HOUR),
        ("serving", DAY),
    )
    (row,) = compare(truth(silent), heard)
    assert [(one["from_us"], one["to_us"], one["cause"]) for one in row["differences"]] == [
        (14 * HOUR + 5, 17 * HOUR, "silence"),
        (17 * HOUR, 18 * HOUR, "none"),
    ]


def test_a_bad_state_measured_as_another_bad_one_differs_and_does_not_count() -> None:
    (row,) = compare(truth(), measured(("serving", 10 * HOUR), ("no_data", 12 * HOUR), ("serving", DAY)))
    (difference,) = row["differences"]
    assert difference["counts"] is False
    assert row["true_ratio"] == row["measured_ratio"]


def test_deducted_time_is_out_on_both_sides() -> None:
    (row,) = compare(truth(deducted=((9 * HOUR, 11 * HOUR),)), measured(("serving", DAY)))
    assert row["required_us"] == 22 * HOUR
    assert row["true_up_us"] == 21 * HOUR
    assert row["measured_up_us"] == 22 * HOUR
    assert [one["counts"] for one in row["differences"]] == [False, True]


def test_what_was_not_measured_at_all_is_a_difference() -> None:
    (row,) = compare(truth(), [])
    assert {one["measured_state"] for one in row["differences"]} == {None}
    assert row["measured_ratio"] == "0.00000000"


def test_what_was_under_way_explains_before_what_is_still_felt() -> None:
    lost = Disturbance("lost", 12 * HOUR, 12 * HOUR + 1, 20 * HOUR, "lost")
    silent = Disturbance("silence", 14 * HOUR, 16 * HOUR, 16 * HOUR, "silent")
    (row,) = compare(truth(lost, silent), measured(("serving", 10 * HOUR), ("faulted", DAY)))
    assert [(one["to_us"] // HOUR, one["cause"]) for one in row["differences"]] == [
        (14, "lost"),
        (16, "silence"),
        (20, "lost"),
        (24, "none"),
    ]


def test_ratios_are_truncated() -> None:
    assert ratio(89_999_999_999, 100_000_000_000) == "0.89999999"
    assert ratio(2, 3) == "0.66666666"
    assert ratio(0, 0) is None
