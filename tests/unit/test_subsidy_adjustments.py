"""Money already issued moves only by a line of the next statement, and every fen moves once."""

from decimal import Decimal
from typing import Any

from subsidy.adjustments import between, due, issued


def body(period: str, build: str = "0.00", operating: str = "0.00", adjustments: Any = ()) -> list[dict[str, Any]]:
    month = period if len(period) == 7 else "2023-06"
    return [
        {
            "operator_id": "A",
            "period": period,
            "build": [{"charger_id": "C1", "amount": build, "disposition": "admitted"}],
            "operating": [{"station_id": "S1", "month": month, "amount": operating}],
            "adjustments": list(adjustments),
        }
    ]


def line(period: str, amount: str) -> dict[str, str]:
    return {"period": period, "subject": f"operating/S1/{period}", "amount": amount, "reason": ""}


def test_nothing_moves_where_nothing_changed() -> None:
    june = body("2023-06", "12000.00", "5.00")
    assert between(issued([june]), due(june)) == {}


def test_a_difference_is_one_line() -> None:
    june, now = body("2023-06", "12000.00", "5.00"), body("2023-06", "12000.00", "3.50")
    (found,) = between(issued([june]), due(now))["A"]
    assert (found.period, found.subject, found.amount) == ("2023-06", "operating/S1/2023-06", Decimal("-1.50"))
    assert "5.00" in found.reason
    assert "3.50" in found.reason


def test_what_an_adjustment_moved_moves_no_second_time() -> None:
    june, now = body("2023-06", operating="5.00"), body("2023-06", operating="3.50")
    july = body("2023-07", adjustments=[line("2023-06", "-1.50")])
    assert between(issued([june, july]), {**due(now), **due(body("2023-07"))}) == {}


def test_a_superseding_body_pays_nothing() -> None:
    june, again = body("2023-06", operating="5.00"), body("2023-06", operating="3.50")
    (found,) = between(issued([june, again]), due(again))["A"]
    assert found.amount == Decimal("-1.50")


def test_superseding_adjustments_move_nothing() -> None:
    june, now = body("2023-06", operating="5.00"), body("2023-06", operating="3.50")
    july = body("2023-07")
    again = body("2023-07", adjustments=[line("2023-06", "-1.50")])
    (found,) = between(issued([june, july, again]), {**due(now), **due(july)})["A"]
    assert found.amount == Decimal("-1.50")


def test_an_award_that_no_longer_holds_is_taken_back() -> None:
    june = body("2023-06", "12000.00")
    gone = [{**body("2023-06")[0], "build": [{"charger_id": "C1", "amount": "0.00", "disposition": "rejected"}]}]
    (found,) = between(issued([june]), due(gone))["A"]
    assert (found.subject, found.amount) == ("build/C1", Decimal("-12000.00"))
