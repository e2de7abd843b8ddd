"""Lists as files: every cell says what the row says, and no spreadsheet runs one."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.tables import FORMULAS, Columns, csv_lines, download, json_lines

COLUMNS: Columns = {"name": itemgetter("name"), "names": itemgetter("names"), "end": itemgetter("end")}
SUMMER = datetime.fromisoformat("2026-07-01T14:00:05+02:00")


def row(name: Any = "a", names: Any = None, end: Any = None) -> dict[str, Any]:
    return {"name": name, "names": names, "end": end}


def read(*rows: dict[str, Any]) -> list[list[str]]:
    return list(csv.reader(io.StringIO("".join(csv_lines(COLUMNS, rows)), newline="")))


def test_what_a_file_holds() -> None:
    one = row('say "a, b"', ["a.example", "b.example"], SUMMER)
    assert read(one, row()) == [
        ["name", "names", "end"],
        ['say "a, b"', "a.example b.example", "2026-07-01T12:00:05+00:00"],
        ["a", "", ""],
    ]
    assert json.loads("".join(json_lines(COLUMNS, [one, row()]))) == [
        {"name": 'say "a, b"', "names": ["a.example", "b.example"], "end": "2026-07-01T12:00:05+00:00"},
        row(),
    ]


def test_without_rows_both_can_be_read() -> None:
    assert read() == [["name", "names", "end"]]
    assert json.loads("".join(json_lines(COLUMNS, []))) == []


@pytest.mark.parametrize("start", [*FORMULAS, " =", "  @"])
def test_what_a_spreadsheet_would_run_is_text(start: str) -> None:
    formula = f"{start}cmd|' /C calc'!A0"
    assert read(row(formula))[1][0] == f"'{formula}"
    assert json.loads("".join(json_lines(COLUMNS, [row(formula)])))[0]["name"] == formula


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=20), max_size=3))
def test_any_text_comes_back(texts: list[str]) -> None:
    found = [cells[0] for cells in read(*map(row, texts))[1:]]
    assert [cell.removeprefix("'") if cell != text else cell for cell, text in zip(found, texts, strict=True)] == texts
    assert not any(cell.lstrip(" ").startswith(FORMULAS) for cell in found)


def test_the_file_is_saved_under_its_name_and_written_as_rows_are_read() -> None:
    asked: list[int] = []

    def rows() -> Any:
        for number in range(3):
            asked.append(number)
            yield row(str(number))

    answer = download("certificates-2026-07-01", "csv", COLUMNS, rows())
    assert answer["Content-Disposition"] == 'attachment; filename="certificates-2026-07-01.csv"'
    lines = iter(answer)
    assert (next(lines), next(lines), asked) == (b"name,names,end\r\n", b"0,,\r\n", [0])
