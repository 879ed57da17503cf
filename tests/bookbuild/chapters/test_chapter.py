from pathlib import Path

import pytest

from bookbuild.chapters.chapter import BuildError, Chapter, read_chapter

TITLE = "# %% [markdown]\n# # Title\n"


def read(tmp_path: Path, text: str) -> Chapter:
    path = tmp_path / "part" / "slug.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return read_chapter(path, tmp_path)


def test_a_cell_knows_its_tags_options_and_first_line(tmp_path: Path) -> None:
    text = TITLE + '\n# %% tags=["fold"]\n#| alt: A line.\n#| caption: It *rises*.\nx = 1\ny = 2\n'
    chapter = read(tmp_path, text)
    cell = chapter.cells[1]
    assert (chapter.title, chapter.slug, chapter.name) == ("Title", "slug", "part/slug.py")
    assert cell.tags == {"fold"}
    assert cell.options == {"alt": "A line.", "caption": "It *rises*."}
    assert cell.source == "x = 1\ny = 2"
    assert text.splitlines()[cell.line - 1] == "x = 1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TITLE + '# %% tags=["shwo"]\nx = 1\n', r"docs/part/slug.py:3: unknown tag shwo on a code cell"),
        (TITLE + "# %%\n#| captoin: x\nx = 1\n", r"docs/part/slug.py:3: unknown option #\| captoin"),
        (
            TITLE + "# %%\n#| widget: x\nx = 1\n",
            r"docs/part/slug.py:3: only a cell tagged `live` or `fold` has a #\| widget:",
        ),
        ("x = 1\n" + TITLE, r"docs/part/slug.py:1: text before the first"),
        ("# %%\nx = 1\n", r"docs/part/slug.py:1: the first cell must be Markdown"),
        (
            TITLE + '# %% tags=["starter"]\nx = 1\n',
            r"slug.py:4: this exercise cell is starter; next must come exercise",
        ),
        (
            TITLE + '# %% [markdown] tags=["exercise"]\n# ### Predict\n',
            r"slug.py:4: the last exercise has no starter",
        ),
        (
            TITLE + '# %% [markdown] tags=["read"]\n# Prose.\n#\n# ## A section\n',
            r"slug.py:6: a cell tagged `read` holds no `##` heading",
        ),
        (TITLE + '# %% [markdown] tags=["read", "note"]\n# Prose.\n', r"slug.py:4: a prose cell tagged note and read"),
        (
            TITLE + '# %% [markdown] tags=["guess"]\n# Which?\n',
            r"slug.py:4: a question tagged `guess` has an `answer:`",
        ),
        (
            TITLE + '# %% [markdown] tags=["guess"]\n# Which?\n#\n# - [ ] one\n# - [ ] two\n#\n# So.\n',
            r"slug.py:6: none of the choices",
        ),
    ],
)
def test_an_authors_mistake_names_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        read(tmp_path, text)


def test_read_may_have_small_headings_and_code_that_looks_like_one(tmp_path: Path) -> None:
    cell = "# ### Small\n#\n# ```bash\n# # a comment\n# ```\n"
    code = '# %% tags=["read", "fold"]\nx = 1\n'
    chapter = read(tmp_path, f'{TITLE}\n# %% [markdown] tags=["read"]\n{cell}\n{code}')
    assert [sorted(cell.tags) for cell in chapter.cells] == [[], ["read"], ["fold", "read"]]
