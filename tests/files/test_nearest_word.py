"""The known word that is meant."""

from pathlib import Path

import pytest

from gptbook.files.nearest_word import find_text, find_word, quoted

KNOWN = ["h100", "rtx-4090", "a100-80"]


@pytest.mark.parametrize("typed", ["rtx-4090", "RTX-4090", "rtx_4090", "Rtx 4090"])
def test_capitals_and_what_stands_between_words_do_not_matter(typed: str) -> None:
    assert find_word(typed, KNOWN, "GPU") == "rtx-4090"


def test_a_typo_is_answered_with_the_nearest_word_and_anything_else_with_all() -> None:
    with pytest.raises(ValueError, match=r'no GPU "h10": did you mean "h100"\?'):
        find_word("h10", KNOWN, "GPU")
    with pytest.raises(ValueError, match="choose from h100, rtx-4090, a100-80"):
        find_word("abacus", KNOWN, "GPU")


def test_a_text_is_a_path_before_it_is_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_text("Web", ["web"]) == "web"
    Path("Web").write_text("mine")
    assert find_text("Web", ["web"]) == "Web"
    with pytest.raises(ValueError, match='did you mean "web"'):
        find_text("wep", ["web"])


def test_a_long_text_is_quoted_around_the_place_that_matters() -> None:
    text = "a" * 50_000 + "Z" + "b" * 50_000
    assert quoted(text, place=50_000).count("Z") == 1
    assert len(quoted(text)) < 60
    assert quoted("short") == '"short"'
    assert "\n" not in quoted("a\nb")
    assert "\x1b" not in quoted("\x1b[31m")
