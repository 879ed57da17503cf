"""What becomes of the tables that a cell returns."""

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from bookbuild.chapters.fragments import _clean_table


def cleaned(table: pd.DataFrame) -> list[list[tuple[str, str, bool]]]:
    """Row by row: the kind of each cell, its text, and whether it's marked as a number."""
    found = BeautifulSoup(table.to_html(), "html.parser").table
    assert found is not None
    soup = BeautifulSoup(_clean_table(found), "html.parser")
    return [
        [(cell.name, cell.get_text(), cell.get("class") == ["number"]) for cell in row.select("th, td")]
        for row in soup.select("tr")
    ]


@pytest.mark.parametrize("name", ["way", ""])
def test_the_name_of_the_index_needs_no_row_of_its_own(name: str) -> None:
    table = pd.DataFrame({"with": ["1,160", "−2.5"], "same": ["yes", "no"]}, index=pd.Index(["a", "b"], name=name))
    assert cleaned(table) == [
        [("th" if name else "td", name, False), ("th", "with", True), ("th", "same", False)],
        [("th", "a", False), ("td", "1,160", True), ("td", "yes", False)],
        [("th", "b", False), ("td", "−2.5", True), ("td", "no", False)],
    ]


def test_two_rows_of_names_stay_and_a_header_of_nothing_goes() -> None:
    groups = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    assert [len(row) for row in cleaned(groups)] == [2, 3, 3]
    bare = pd.DataFrame([["1.00", ""]], index=["mean"], columns=["", ""])
    assert cleaned(bare) == [[("th", "mean", False), ("td", "1.00", True), ("td", "", False)]]
