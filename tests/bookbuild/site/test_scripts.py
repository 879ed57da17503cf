"""What a page loads of a script: all but its comments."""

import re
from pathlib import Path

import pytest

from bookbuild.site.scripts import serve_without_comments, without_comments

WIDGETS = Path(__file__).parents[3] / "docs" / "widgets"


def test_comments_go_and_what_only_looks_like_one_stays() -> None:
    script = (
        "// why\n/** What it gives. */\nconst a = 1; // one\n"
        'const url = "https://x/*y*/"; const of = `a // ${`b /* ${a} */`} c`; '
        "const halves = /\\/\\/ \\/*/.test(url) / 2;\n"
    )
    kept = without_comments(script)
    assert "why" not in kept
    assert "What it gives" not in kept
    assert "one" not in kept
    assert kept.splitlines()[-1] == script.splitlines()[-1]


@pytest.mark.parametrize("path", sorted(WIDGETS.glob("*.js")), ids=lambda path: str(path.stem))
def test_of_each_script_of_ours_all_but_whole_comments_stay(path: Path) -> None:
    script = path.read_text(encoding="utf-8")
    kept = without_comments(script)
    assert without_comments(kept) == kept
    for line in script.splitlines():
        if not re.search(r"//|/\*|^\s*\*", line):
            assert line in kept


def test_a_folder_of_scripts_is_served_without(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("a(); // first\n", encoding="utf-8")
    (tmp_path / "a.css").write_text("/* kept */", encoding="utf-8")
    serve_without_comments(tmp_path)
    assert (tmp_path / "a.js").read_text(encoding="utf-8") == "a(); \n"
    assert (tmp_path / "a.css").read_text(encoding="utf-8") == "/* kept */"
