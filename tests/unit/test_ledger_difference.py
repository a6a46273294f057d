from ledger.difference import changes


def row(operator: str, ratio: str, **more: object) -> dict[str, object]:
    return {"level": "operator", "id": operator, "operator_id": operator, "ratio": ratio, **more}


def test_a_changed_figure_is_named_by_row_and_field() -> None:
    before, after = [row("A", "0.95"), row("B", "0.90")], [row("A", "0.95"), row("B", "0.89")]
    where = "level=operator operator_id=B id=B"
    assert changes(before, after) == [{"row": where, "field": "ratio", "before": "0.90", "after": "0.89"}]


def test_as_of_is_no_change() -> None:
    assert changes([row("A", "1", as_of="x")], [row("A", "1", as_of="y")]) == []


def test_a_row_more_makes_no_other_row_look_changed() -> None:
    new = row("A", "1")
    assert changes([row("B", "1")], [new, row("B", "1")]) == [
        {"row": "level=operator operator_id=A id=A", "field": None, "before": None, "after": new}
    ]
    assert changes([new, row("B", "1")], [row("B", "1")])[0]["after"] is None


def test_a_line_within_a_statement_is_named_with_its_statement() -> None:
    def statement(energy: str) -> list[dict[str, object]]:
        lines = [{"station_id": "S1", "month": "2023-06", "energy_kwh": energy}]
        return [{"operator_id": "A", "period": "2023-06", "operating": lines, "total_yuan": "1.00"}]

    assert changes(statement("10"), statement("11")) == [
        {
            "row": "operator_id=A period=2023-06 / operating / station_id=S1 month=2023-06",
            "field": "energy_kwh",
            "before": "10",
            "after": "11",
        }
    ]


def test_rows_that_nothing_tells_apart_are_numbered() -> None:
    assert changes([{"amount": "1"}, {"amount": "2"}], [{"amount": "1"}, {"amount": "3"}]) == [
        {"row": " #2", "field": "amount", "before": "2", "after": "3"}
    ]


def test_a_field_that_came_or_went_is_a_change() -> None:
    assert changes({"a": None}, {}) == [{"row": "", "field": "a", "before": None, "after": None}]


def test_the_same_rows_in_another_order_are_one_change() -> None:
    assert changes([None, True], [True, None]) == [
        {"row": "", "field": None, "before": [None, True], "after": [True, None]}
    ]


def test_one_is_not_true() -> None:
    assert changes({"eligible": 1}, {"eligible": True}) == [
        {"row": "", "field": "eligible", "before": 1, "after": True}
    ]
