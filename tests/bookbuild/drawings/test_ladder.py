import math
import re

import pytest

from bookbuild.drawings.ladder import ladder, ladder_of_letters, rungs
from gptbook.data.tables import read_record


def test_every_number_is_the_records() -> None:
    steps, spread = rungs()
    record = read_record("windows")
    losses = [row["held_out_loss"] for row in record["rows"] if row["model"] == "net" and row["context_length"] == 1]
    by_name = {rung.name: rung.loss for rung in steps}
    assert by_name["Bigram net"] == pytest.approx(sum(losses) / len(losses))
    assert by_name["Uniform guess"] == record["uniform_loss"]
    assert by_name["Wide net"] < by_name["Wide table"]
    for name, model in (("Attention", "attention"), ("GPT", "gpt")):
        losses = [row["held_out_loss"] for row in read_record("names")["rows"] if row["model"] == model]
        assert by_name[name] == pytest.approx(sum(losses) / len(losses))
    assert by_name["GPT"] == min(by_name.values())
    assert 0 <= spread < 0.02
    drawn = ladder()
    assert all(f">{rung.loss:.2f}<" in drawn for rung in steps)


def test_the_widths_are_those_that_the_record_chose_and_not_the_luckiest(monkeypatch: pytest.MonkeyPatch) -> None:
    record = read_record("windows")
    record["chosen"] = {"counts": {"context_length": 3}, "net": {"context_length": 2}}
    monkeypatch.setattr(
        "bookbuild.drawings.ladder.read_record", lambda name: record if name == "windows" else read_record(name)
    )
    rows = record["rows"]
    by_name = {rung.name: rung for rung in rungs()[0]}
    for name, model, width, word in (("Wide table", "counts", 3, "three"), ("Wide net", "net", 2, "two")):
        losses = [row["held_out_loss"] for row in rows if (row["model"], row["context_length"]) == (model, width)]
        assert by_name[name].loss == pytest.approx(sum(losses) / len(losses))
        assert word in by_name[name].does


def test_a_lit_rung_stands_out_and_an_unknown_one_is_refused() -> None:
    plain, lit = ladder(), ladder({"Bigram net"})
    assert lit.count('fill-opacity="0.35"') == len(rungs()[0]) - 1
    assert re.search(r'font-weight="600"[^>]*>Bigram net<', lit)
    assert 'fill-opacity="0.35"' not in plain
    with pytest.raises(ValueError, match="no rung GPT-5"):
        ladder({"GPT-5"})


def test_the_home_page_says_how_many_letters_each_model_hesitates_among_and_a_name_it_wrote() -> None:
    steps, _ = rungs()
    drawn = ladder_of_letters()
    assert all(f">{math.exp(rung.loss):.1f}<" in drawn for rung in steps)
    written = {row["model"]: row["samples"].split() for row in read_record("names")["rows"][::-1]}  # seed 0 stays
    names = {rung.name: rung.name_written for rung in steps}
    assert [name for name, written_name in names.items() if not written_name] == ["Uniform guess"]
    assert names["GPT"] in written["gpt"]
    assert names["Attention"] in written["attention"]
    assert all(f">{name}<" in drawn for name in names.values() if name)
