"""The documents of a statement from a small world: the same bytes, sheets that split, PDF where it can be made."""

import builtins
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from chargewatch import paper, sheets
from chargewatch.errors import Refusal
from subsidy import periods, stages, wording
from subsidy.document import printed
from subsidy.document.printed import Party
from subsidy.document.workbook import xlsx
from subsidy.prices import Bill
from tests.subsidy_world import POLICY, World

JUNE = periods.parse("2023-06")
AS_OF = datetime(2023, 7, 10, tzinfo=UTC)
PARTY = Party("<i>甲</i>", "", {"S1": "=1+1"})


def world() -> World:
    made = World()
    made.prove(made.charger(2, charger_id="C1", rated_kw_dc=60))
    for number in range(7):
        made.session(f"+{number}", "C1-1", f"2023-06-1{number} 08:00", f"2023-06-1{number} 09:00", 10 + number)
    made.session("both", ("C1-1", "C1-2"), "2023-06-20 08:00", "2023-06-20 09:00", "60.001")
    return made


def book(most_rows: int = sheets.MOST_ROWS, *, rehearsal: bool = False) -> bytes:
    due = world().decide(date(2023, 6, 30))
    statement = wording.statement(due, JUNE, "A", (), rehearsal=rehearsal, as_of="then")
    lines = {"A": stages.of_operator(due, JUNE, "A")}
    fee = Bill(electricity_fee=Decimal("1.10"))
    return xlsx(due, JUNE, [statement], lines, lambda at: [(int(row), fee) for row in at[1:]], AS_OF, most_rows)


def test_the_same_statement_gives_the_same_bytes() -> None:
    assert book() == book()
    assert book() != book(rehearsal=True)


@pytest.mark.parametrize("most", [2, 9])
def test_orders_beyond_one_sheet_stand_on_the_next(most: int) -> None:
    opened = openpyxl.load_workbook(io.BytesIO(book(most)))
    names = [name for name in opened.sheetnames if name.startswith("订单")]
    assert len(names) == -(-9 // most)
    assert names[:2] == ["订单", "订单2"][: len(names)]
    rows = [row for name in names for row in list(opened[name].iter_rows(values_only=True))[1:]]
    assert [row[1] for row in rows] == ["proof-A-C1", *(f"+{number}" for number in range(7)), "both"]
    assert [row[13] for row in rows] == [None, *[1.1] * 8]
    assert all(opened[name].max_row <= most + 1 for name in names)
    several = next(row for row in rows if row[1] == "both")
    assert several[3:6] == ("C1", "C1-1、C1-2", 120)
    assert all(cell.data_type != "f" for sheet in opened for row in sheet.iter_rows() for cell in row)


def pages(*, rehearsal: bool = False) -> list[str]:
    due = world().decide(date(2023, 6, 30))
    statement = wording.statement(due, JUNE, "A", (), rehearsal=rehearsal, as_of="then")
    lines = stages.of_operator(due, JUNE, "A")
    return [
        printed.application(statement, JUNE, PARTY, POLICY),
        printed.settlement(statement, lines, JUNE, PARTY, POLICY, {"工作簿": "0" * 64}),
    ]


def test_pages_say_the_amount_in_words_and_escape_what_comes_from_outside() -> None:
    for page in pages():
        assert "壹万贰仟零壹拾伍元贰角整" in page  # 12,000 for the charger, 0.10 yuan for 152.001 kWh
        assert "12,015.20" in page
        assert "<i>" not in page
        assert "演练" not in page
    assert all("演练" in page for page in pages(rehearsal=True))


def test_pdf_where_weasyprint_is_installed() -> None:
    pytest.importorskip("weasyprint", reason="the extra pdf is not installed")
    first, second = (paper.pdf(pages()[0]) for _ in range(2))
    assert first == second
    assert first.startswith(b"%PDF-")


def test_without_weasyprint_a_pdf_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name == "weasyprint":
            raise ImportError("No module named 'weasyprint'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(Refusal, match="a PDF needs WeasyPrint"):
        paper.pdf("<p>x</p>")
