"""What the reader takes home: each chapter as a notebook (executed, or clean) and as a script, and one zip of them all.

Each runs in an empty folder, without the package: the source it needs stands in its cells, its tables in a packed cell.
"""

import ast
import base64
import io
import re
import sys
import textwrap
import zipfile
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import jupytext
import nbformat

from bookbuild.chapters.fragments import code_cells
from bookbuild.chapters.guess import Guess
from bookbuild.chapters.packing import files_named, packed_cell
from bookbuild.chapters.published import PublishedCell, notebook_outputs
from bookbuild.drawings.raster import as_png
from bookbuild.project import Project

ZIP_NAME = "how-gpts-work.zip"
ZIP_TIME = (2020, 1, 1, 0, 0, 0)  # a zip must have a time; a fixed one keeps builds identical
DISTRIBUTIONS = {"sklearn": "scikit-learn"}

PICTURE = re.compile(
    r'!\[(?P<alt>[^\]]*)\]\((?P<path>[^)\s"]*figures/(?P<slug>[^)\s"]+)\.svg)(?:\s+"(?P<caption>[^"]*)")?\)(?:\{[^}]*\})?'
)
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<path>(?!https?:|#)[^)\s]+)\)")
BOX = re.compile(
    r'^(?P<mark>!!!|\?\?\?)\+? *(?P<kind>\w+) *(?:"(?P<title>.*)")?\n(?P<body>(?:(?:    .*)?\n)*)',
    re.MULTILINE,
)
PLACE = re.compile(r"\0(\d+)\0")
ALONE = re.compile(r"(?m)^\0\d+\0$")
HEADING_ATTRIBUTES = re.compile(r"(?m)^(#+ .*?) *\{[^}]*\}$")


@dataclass(frozen=True)
class Download:
    name: str
    label: str
    detail: str
    content: bytes


def chapter_downloads(
    cells: list[PublishedCell], slug: str, page_url: str, drawings: dict[str, str], project: Project
) -> list[Download]:
    """The three files of one chapter. `page_url` is absolute: a link in a download leads to the page on the web."""
    executed = _notebook(cells, page_url, drawings, project, pictures=True)
    clean = nbformat.from_dict({**executed, "cells": [_cleared(cell) for cell in executed.cells]})
    script = _notebook(cells, page_url, drawings, project, pictures=False)
    script.metadata = nbformat.from_dict({})
    text = jupytext.writes(script, fmt="py:percent")
    text = text[text.index("# %%") :]
    return [
        Download(f"{slug}.ipynb", "Notebook with results", ".ipynb", _bytes(executed)),
        Download(f"{slug}-clean.ipynb", "Notebook without results", ".ipynb", _bytes(clean)),
        Download(f"{slug}.py", "Script", ".py", text.encode("utf-8")),
    ]


def zip_of(downloads: list[Download]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for download in downloads:
            entry = zipfile.ZipInfo(f"how-gpts-work/{download.name}", ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, download.content)
    return buffer.getvalue()


def requirements(code: str) -> list[str]:
    """The libraries, by their names on the package index, that the code imports."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return sorted(DISTRIBUTIONS.get(name, name) for name in names - set(sys.stdlib_module_names))


def _notebook(
    cells: list[PublishedCell], page_url: str, drawings: dict[str, str], project: Project, *, pictures: bool
) -> nbformat.NotebookNode:
    cells = [cell for cell in cells if "live" not in cell.tags]  # a live piece lives in a browser
    code = "\n".join(cell.source for cell in code_cells(cells))
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["language_info"] = {"name": "python"}
    out = notebook.cells
    for cell in cells:
        if cell.kind == "markdown":
            out.extend(_markdown_cells(cell, page_url, drawings, pictures=pictures))
        elif "solution" in cell.tags:
            out.append(nbformat.v4.new_markdown_cell(_solution(cell.source, folded=pictures)))
        else:
            out.append(_code_cell(cell))
    needs = " ".join(requirements(code))
    about = (
        f"*A chapter of [How GPTs Work]({page_url}). It runs in an empty folder; "
        f"it needs Python 3.11 and `pip install {needs}`. "
        "Computers round differently, and training adds that up: the last digits of your results, and the names that a "
        "model writes, may differ from those on the page.*"
    )
    out.insert(1, nbformat.v4.new_markdown_cell(about))
    if packed := packed_cell(files_named(code, project.data_dir), project.data_dir):
        out.insert(2, nbformat.v4.new_code_cell(packed, metadata={"jupyter": {"source_hidden": True}}))
    for number, raw in enumerate(out):
        raw["id"] = f"cell-{number}"
    return notebook


def _code_cell(cell: PublishedCell) -> nbformat.NotebookNode:
    raw = nbformat.v4.new_code_cell(cell.source, execution_count=cell.execution_count)
    raw.outputs = [nbformat.from_dict(output) for output in notebook_outputs(cell)]
    if cell.folded:
        raw.metadata["jupyter"] = {"source_hidden": True}
    if "raises" in cell.tags:
        raw.metadata["tags"] = ["raises-exception"]  # Jupyter's own word: run all goes on after it
    return raw


def _cleared(raw: nbformat.NotebookNode) -> dict[str, Any]:
    return {**raw, "outputs": [], "execution_count": None} if raw.cell_type == "code" else dict(raw)


def _markdown_cells(
    cell: PublishedCell, page_url: str, drawings: dict[str, str], *, pictures: bool
) -> list[nbformat.NotebookNode]:
    """The cell, cut at its pictures: each has a cell of its own, so that the words can be edited without its letters.

    Only a PNG in the Markdown itself is shown everywhere. Colab shows no attachment (googlecolab/colabtools issue 3836;
    its own way to insert a picture is this one), markdown-it, in VS Code, and mistune, in nbconvert and nbviewer, let
    PNG through as a `data:` address and SVG not (markdown-it issue 941, mistune's GOOD_DATA_PROTOCOLS), and JupyterLab
    takes `<svg>` out of Markdown.
    """
    shown: list[str] = []

    def picture(match: re.Match[str]) -> str:
        caption = f"\n\n*{match['caption']}*" if match["caption"] else ""
        if not pictures:
            return f"[Picture: {match['alt']}]{caption}"
        content = base64.b64encode(as_png(drawings[match["slug"]])).decode("ascii")
        shown.append(f"![{match['alt']}](data:image/png;base64,{content}){caption}")
        return f"\0{len(shown) - 1}\0"

    def link(match: re.Match[str]) -> str:
        path, hash_mark, anchor = match["path"].partition("#")
        # Source paths become page addresses: `../part/slug.py` is `../slug/` seen from the page's own folder.
        path = re.sub(r"(?:index)?\.(?:py|md)$", "/", path)
        return f"[{match['text']}]({urljoin(page_url, '../' + path)}{hash_mark}{anchor})"

    text = cell.source
    if cell.guess:
        # An exercise is answered by its solution, in a cell of its own.
        text = cell.guess.asked if "exercise" in cell.tags else _question(cell.guess, folded=pictures)
    if cell.in_exercises and "hint" in cell.tags:
        text = f"<details><summary>Hint</summary>\n\n{text}\n\n</details>"
    text = PICTURE.sub(picture, text)
    text = LINK.sub(link, text)
    text = HEADING_ATTRIBUTES.sub(r"\1", text)
    text = BOX.sub(_box, text + "\n").rstrip("\n")
    parts, end = [], 0
    for match in ALONE.finditer(text):
        # Within what is folded a picture stays where it is: a fold ends in the cell in which it began.
        if text.count("<details", 0, match.start()) == text.count("</details", 0, match.start()):
            parts += [text[end : match.start()], match[0]]
            end = match.end()
    parts.append(text[end:])
    parts = [PLACE.sub(lambda match: shown[int(match[1])], part).strip("\n") for part in parts]
    return [nbformat.v4.new_markdown_cell(part) for part in parts if part]


def _box(match: re.Match[str]) -> str:
    """Material's boxes, in what every notebook knows: a folded box becomes <details>, an open one a quotation."""
    title = match["title"] or match["kind"].capitalize()
    body = textwrap.dedent(match["body"]).strip("\n")
    if match["mark"] == "???":
        return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>\n\n"
    quoted = "\n".join(f"> {line}".rstrip() for line in body.splitlines())
    return f"> **{title}**\n>\n{quoted}\n\n"


def _question(guess: Guess, *, folded: bool) -> str:
    asked = f"**Guess first.** {guess.asked}"
    if folded:
        answer = f"{guess.stated}\n\n{guess.explanation}"
        return f"{asked}\n\n<details><summary>Answer</summary>\n\n{answer}\n\n</details>"
    return f"{asked}\n\nAnswer: {guess.stated}\n\n{guess.explanation}"


def _solution(source: str, *, folded: bool) -> str:
    fenced = f"```python\n{source}\n```"
    return f"<details><summary>Solution</summary>\n\n{fenced}\n\n</details>" if folded else f"**Solution**\n\n{fenced}"


def _bytes(notebook: nbformat.NotebookNode) -> bytes:
    nbformat.validate(notebook)
    return (nbformat.writes(notebook, version=4) + "\n").encode("utf-8")
