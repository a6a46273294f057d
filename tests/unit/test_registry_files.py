"""Tables to files and back: the same values, the same bytes, and what no spreadsheet may do to a cell."""

import zipfile
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chargewatch.errors import Refusal
from registry import page, values
from registry.check import check
from registry.contents import Registry
from registry.load import load
from registry.save import save
from registry.tables import TABLES, Column, Kind

ZONE = ZoneInfo("Asia/Shanghai")

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12).map(str.strip)
texts = texts.filter(lambda text: text and not any(bad in text for bad in "\ufffe\uffff"))
tricky = st.sampled_from(
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "00012",
        "1e5",
        "_x0041_",
        'a "b", c',
        "a\nb",
        "NA",
        "TRUE",
        "12345678901234567890",
    ]
)
CELLS = {
    Kind.ID: st.from_regex(r"[A-Za-z0-9_.-]{1,50}", fullmatch=True),
    Kind.TEXT: texts | tricky,
    Kind.DATE: st.dates(date(1900, 1, 1), date(2199, 12, 31)),
    Kind.TIME: st.datetimes(datetime(1901, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC)),
    Kind.CLOCK: st.times().map(lambda at: f"{at:%H:%M}") | st.just("24:00"),
    Kind.YES_NO: st.booleans(),
    Kind.OPENING_HOURS: st.sampled_from(["Mo-Su 08:00-22:00", "24/7"]),
}


def cells(column: Column):
    if column.kind is Kind.CHOICE:
        filled = st.sampled_from(column.choices)
    elif column.kind is Kind.DECIMAL:
        filled = st.decimals(column.least, column.most or Decimal("99999"), places=4)
    else:
        filled = CELLS[column.kind]
    return filled if column.required else st.none() | filled


rows_of = {table.name: st.fixed_dictionaries({c.name: cells(c) for c in table.columns}) for table in TABLES}
registries = st.fixed_dictionaries({name: st.lists(rows, max_size=2) for name, rows in rows_of.items()})


def read_back(path):
    loaded = load(path)
    assert loaded.problems == []
    rows = check(loaded.sheets, Registry.of({}), ZONE).rows
    return Registry.of({name: [row.cells for row in rows[name]] for name in rows})


# Without shrinking, which takes minutes on ten tables: a failure shows its rows all the same.
# Without shrinking, which takes minutes on ten tables; a failure shows its rows all the same.
@given(rows=registries)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.reuse, Phase.generate])
@pytest.mark.parametrize("name", ["folder", "book.xlsx"])
def test_what_is_saved_is_loaded_again(tmp_path, name, rows):
    registry, again = Registry.of(rows), tmp_path / f"again-{name}"
    save(registry, tmp_path / name, ZONE)
    back = read_back(tmp_path / name)
    assert {n: f.to_dict("list") for n, f in back.tables.items()} == {
        n: f.to_dict("list") for n, f in registry.tables.items()
    }
    save(back, again, ZONE)
    assert contents(again) == contents(tmp_path / name)


def contents(path):
    return {f.name: f.read_bytes() for f in path.iterdir()} if path.is_dir() else path.read_bytes()


def test_no_cell_of_a_workbook_is_a_formula(tmp_path):
    award = {"serial_no": "=1+1", "awarded_on": date(2021, 1, 1), "programme": "@x", "amount_yuan": Decimal("-0")}
    save(Registry.of({"awards": [award]}), tmp_path / "a.xlsx", ZONE)
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["awards"]
    filled = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert len(filled) == 7 + 4
    assert {cell.data_type for cell in filled} == {"s"}


def workbook(path, *rows, sheet="awards"):
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


HEADER = ["serial_no", "awarded_on", "programme", "amount_yuan"]


def test_cells_that_a_spreadsheet_has_typed_are_read_as_they_were_meant(tmp_path):
    path = workbook(
        tmp_path / "a.xlsx", HEADER, [123, datetime(2021, 5, 1), 2020, 12000.1], [], ["b", "2021-05-02", "p", 7.0]
    )
    [sheet] = load(path).sheets
    assert sheet.rows == [("123", "2021-05-01", "2020", "12000.1"), ("b", "2021-05-02", "p", "7")]
    assert sheet.numbers == [2, 4]


def test_a_number_that_a_spreadsheet_has_rounded_is_a_problem(tmp_path):
    loaded = load(workbook(tmp_path / "a.xlsx", HEADER, [330302001011234567, "2021-05-01", "p", 1]))
    assert [(p.table, p.row) for p in loaded.problems] == [("awards", 2)]


def test_a_time_of_day_cell(tmp_path):
    path = workbook(tmp_path / "a.xlsx", ["start_time"], [time(8, 30)], sheet="tariffs")
    assert load(path).sheets[0].rows == [("08:30",)]


def csv(folder, name, content):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def test_a_byte_order_mark_blank_lines_and_spaces(tmp_path):
    csv(tmp_path, "awards.csv", "\ufeffserial_no, programme\r\n\r\n x ,p\r\n")
    [sheet] = load(tmp_path).sheets
    assert (sheet.header, sheet.rows, sheet.numbers) == (("serial_no", "programme"), [("x", "p")], [3])


@pytest.mark.parametrize(
    ("name", "content", "row"),
    [
        ("awards.csv", "serial_no\n甲\n".encode("gbk"), 2),
        ("awards.csv", 'serial_no\nx\n"y', 3),
        ("awards.csv", 'serial_no\n"x"y\n', 2),
        ("awards.csv", "", 1),
        ("awards.csv", "\nserial_no\n", 1),
        ("award.csv", "serial_no\n", 1),
    ],
)
def test_what_cannot_be_read_of_a_file_is_a_problem_at_its_row(tmp_path, name, content, row):
    csv(tmp_path, "operators.csv", "operator_id\n")
    csv(tmp_path, name, content)
    assert [(p.table, p.row) for p in load(tmp_path).problems] == [(name[:-4], row)]


def test_nothing_of_ours_is_refused(tmp_path):
    csv(tmp_path, "notes.csv", "a\n")
    csv(tmp_path, "broken.xlsx", "no workbook")
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "notes.csv", tmp_path / "broken.xlsx"):
        with pytest.raises(Refusal):
            load(path)


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml"])
@pytest.mark.parametrize("damage", [b"", b"<a><b>"])
def test_a_damaged_workbook_is_refused(tmp_path, part, damage):
    whole, path = workbook(tmp_path / "whole.xlsx", HEADER), tmp_path / "a.xlsx"
    with zipfile.ZipFile(whole) as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, damage if name == part else good.read(name))
    with pytest.raises(Refusal, match=r"a\.xlsx"):
        load(path)


def test_the_same_content_has_the_same_digest_wherever_it_lies(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        csv(tmp_path / name, "awards.csv", "serial_no\n" + ("x" if name == "c" else ""))
    one, two, three = (load(tmp_path / name).sha256 for name in "abc")
    assert one == two != three


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.CHOICE])
@given(data=st.data())
def test_a_value_is_written_as_it_is_read(kind, data):
    column = Column("x", kind, True)
    value = data.draw(
        st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-9999, max_value=9999)
        if kind is Kind.DECIMAL
        else CELLS[kind]
    )
    text = values.write(value, ZONE)
    assert values.read(column, text, ZONE) == (value, "")


def test_the_commissions_page_is_current():
    from pathlib import Path

    written = Path(__file__).parents[2] / "docs/commission/registry.md"
    assert written.read_text() == page.page(), "run: python -m registry.page > docs/commission/registry.md"
    assert all(f"## `{table.name}`" in written.read_text() for table in TABLES)
