"""The reader's files: what becomes of links, pictures, boxes and solutions."""

import base64
import io
import re
import zipfile

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from published_cells import CELLS, CHOICES, NUMBER, PREDICT, boxes, markdown

from bookbuild.chapters.downloads import Download, chapter_downloads, requirements, zip_of
from bookbuild.project import Project

TWO = boxes().svg()
PROSE = """See [the next](../part/next.py#here) and [a word](../glossary.md#word).

![Two boxes](../figures/two.svg "Two of them.")

!!! question "Guess first"
    How many?

??? info "Why?"
    Because.

    And because.

## Section {#own-anchor}
"""


@pytest.fixture(scope="module")
def files(project: Project) -> list[Download]:
    cells = [CELLS[0], markdown(PROSE, 1), *CELLS[1:]]
    return chapter_downloads(cells, "slug", "https://book.example/part/slug/", {"two": TWO}, project)


@pytest.fixture(scope="module")
def prose(files: list[Download]) -> str:
    return "\n".join(cell.source for cell in notebook(files[0]).cells if cell.cell_type == "markdown")


def notebook(download: Download) -> nbformat.NotebookNode:
    return nbformat.reads(download.content.decode("utf-8"), as_version=4)


def test_there_are_three_files(files: list[Download]) -> None:
    assert [download.name for download in files] == ["slug.ipynb", "slug-clean.ipynb", "slug.py"]


def test_each_file_says_once_that_last_digits_follow_the_processor(files: list[Download]) -> None:
    for download in files:
        assert download.content.decode("utf-8").count("last digits") == 1


def test_links_lead_to_the_pages_on_the_web(prose: str) -> None:
    assert "(https://book.example/part/next/#here)" in prose
    assert "(https://book.example/glossary/#word)" in prose


def test_boxes_become_what_every_notebook_knows(prose: str) -> None:
    assert "> **Guess first**\n>\n> How many?" in prose
    assert "<details><summary>Why?</summary>\n\nBecause.\n\nAnd because.\n\n</details>" in prose
    assert "## Section\n" in f"{prose}\n"
    assert "???" not in prose


def test_pictures_travel_with_the_notebook_and_as_words_with_the_script(files: list[Download]) -> None:
    """As PNG in the Markdown, in cells of their own: Colab shows no attachment, VS Code and nbviewer no SVG there."""
    for file in files[:2]:
        assert not any(cell.get("attachments") for cell in notebook(file).cells)
        [pictured] = [cell for cell in notebook(file).cells if "data:image/" in cell.source]
        address, caption = re.fullmatch(r"!\[Two boxes\]\((\S+)\)\n\n(.*)", pictured.source).groups()  # type: ignore[union-attr]
        assert caption == "*Two of them.*"
        assert base64.b64decode(address.removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
    assert "[Picture: Two boxes]" in files[2].content.decode("utf-8")


def test_nbconvert_and_a_strict_sanitiser_let_the_pictures_through(files: list[Download]) -> None:
    """nbviewer's own converter; mistune, inside it, replaces addresses that it takes for harmful."""
    html, _ = HTMLExporter().from_notebook_node(notebook(files[0]))
    pictures = [image["src"] for image in BeautifulSoup(html, "html.parser").select("img")]
    assert len([source for source in pictures if source.startswith("data:image/png;base64,")]) == 1
    assert "harmful" not in html


def test_a_picture_in_a_fold_stays_in_it(project: Project) -> None:
    text = '??? info "Why?"\n    ![Two](../figures/two.svg)\n\nAfter.\n'
    cells = [CELLS[0], markdown(text, 1)]
    [file, *_] = chapter_downloads(cells, "slug", "https://book.example/part/slug/", {"two": TWO}, project)
    [folded] = [cell.source for cell in notebook(file).cells if "<details" in cell.source]
    assert folded.index("data:image/png") < folded.index("</details>") < folded.index("After.")


def test_solutions_are_folded_and_not_run(files: list[Download]) -> None:
    code = [cell.source for cell in notebook(files[0]).cells if cell.cell_type == "code"]
    assert "guess = ..." in code
    assert "guess = 1" not in code
    assert "# guess = 1" in files[2].content.decode("utf-8")


def test_the_clean_notebook_has_no_results(files: list[Download]) -> None:
    assert any(cell.get("outputs") for cell in notebook(files[0]).cells)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook(files[1]).cells)


def test_the_zip_is_the_same_whenever_it_is_made(files: list[Download]) -> None:
    assert zip_of(files) == zip_of(files)
    with zipfile.ZipFile(io.BytesIO(zip_of(files))) as archive:
        assert archive.read("how-gpts-work/slug.py") == files[2].content


def test_requirements_are_named_as_on_the_package_index() -> None:
    assert requirements("import os\nfrom sklearn.model_selection import x\nimport torch.nn as nn\n") == [
        "scikit-learn",
        "torch",
    ]


def test_a_question_keeps_its_answer_folded_and_an_exercise_leaves_it_to_the_solution(project: Project) -> None:
    executed, _, script = chapter_downloads([CELLS[0], NUMBER, CHOICES, *PREDICT], "slug", "https://a/", {}, project)
    number, choices, exercise = (
        next(cell.source for cell in notebook(executed).cells if asked in cell.source)
        for asked in ("How *many*?", "Which?", "How much?")
    )
    for question, answer in ((number, "1,234 mistakes"), (choices, "the other")):
        before, folded = question.split("<details><summary>Answer</summary>\n\n")
        assert answer in folded
        assert "Because" in folded
        assert "1,234" not in before
        assert folded.endswith("</details>")
    assert "- *one*\n- the other\n" in choices
    assert "[x]" not in choices
    assert exercise.endswith("How much?")
    text = script.content.decode("utf-8")
    assert "# Answer: 1,234 mistakes\n#\n# Because" in text
    assert "<summary>Answer" not in text
