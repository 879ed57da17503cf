"""`gptbook recipes`: every recipe with its sizes, on any screen."""

import pytest
from command_line import refused, written

from gptbook.cli.recipe_table import DATA, TIMES
from gptbook.models.sizes import parameter_count
from gptbook.tasks.names import gpt_config
from gptbook.tasks.recipe_words import all_recipes, laptop


def test_every_recipe_has_its_data_and_a_time() -> None:
    assert [word for words in DATA.values() for word in words if word in all_recipes()] == [
        word for words in DATA.values() for word in words
    ]
    assert {word for words in DATA.values() for word in words} == set(all_recipes())
    assert set(TIMES) <= set(all_recipes())


def test_the_table_has_every_recipe_with_its_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {line.split()[0]: line.split() for line in written(["recipes"], capsys).splitlines() if line.strip()}
    for word in all_recipes():
        assert word in rows
    chosen, row = laptop(), rows["laptop"]
    sizes = (chosen.num_layers, chosen.num_heads, chosen.model_dim, chosen.context_length, chosen.batch_size)
    assert row[2:7] == [str(size) for size in sizes]
    assert int(row[1].replace(",", "")) == parameter_count(gpt_config(chosen, 100), chosen.form)
    assert rows["city-bigram"][2] == "-"


@pytest.mark.parametrize("columns", [20, 40, 78, 79, 80, 200])
@pytest.mark.parametrize("words", [["recipes"], ["recipes", "gpt2-124m"], ["recipes", "city-4gram"]], ids=" ".join)
def test_no_line_is_wider_than_the_screen(
    words: list[str], columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    said = written(words, capsys)
    assert max(map(len, said.splitlines())) <= columns
    for word in all_recipes() if len(words) == 1 else words[1:]:
        assert word in said.replace("\n", "") or columns < 30


def test_one_recipe_is_shown_with_each_option_that_changes_it(capsys: pytest.CaptureFixture[str]) -> None:
    said = " ".join(written(["recipes", "LAPTOP"], capsys).split())
    for part in ("--layers 4:", "--width 128:", "--context-length 128:", "--dropout 0.0:", "optimizer muon", "memory"):
        assert part in said
    assert "--heads" not in written(["recipes", "city-bigram"], capsys)
    assert "parameters" not in written(["recipes", "docstrings-bpe"], capsys)


def test_a_recipe_that_is_none_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert 'there is no recipe "lapto": did you mean "laptop"' in refused(["recipes", "lapto"], capsys)
    assert "is one word too many" in refused(["recipes", "laptop", "iris"], capsys)
