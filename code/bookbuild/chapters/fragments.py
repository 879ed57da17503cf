"""What mkdocs-jupyter makes of a chapter's code cells, cleaned: source, outputs, figures, as text that can be kept.

No other module knows its markup. A cell's figure does not go through it: it is the run's own SVG, dressed for the page.
"""

import json
import re
from typing import Any

import nbformat
from bs4 import BeautifulSoup, Tag

from bookbuild.chapters.published import PublishedCell, notebook_outputs
from bookbuild.drawings.svg import themed_plot
from bookbuild.remember import BUILD, key_of

# Pygments marks each blank, name and bracket; the book's palette leaves them as they are, and a fifth of the page goes.
UNSTYLED = re.compile(r'<span class="(?:w|n|p)">([^<]*)</span>')
SVG_OUTPUT = "image/svg+xml"
# A cell's source, coloured word by word, is most of the page and stays as it is: it is taken out before the rest is
# parsed.
SOURCE = re.compile(r'(<div class="[^"]*\bhighlight-ipynb\b[^"]*">\s*<pre>)(.*?)(?=</pre>)', re.DOTALL)

NUMERIC = re.compile(r"([-−+]?[\d.,]+ ?%?)?")

Fragment = dict[str, Any]
"""What mkdocs-jupyter made of a code cell, cleaned: `source`, and `outputs` in their order. JSON can hold it."""


def page_notebook(cells: list[PublishedCell]) -> nbformat.NotebookNode:
    """The notebook that mkdocs-jupyter renders: code cells alone, without the figures, which go around it."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for number, cell in enumerate(code_cells(cells)):
        raw = nbformat.v4.new_code_cell(cell.source, id=f"cell-{number}")
        raw.outputs = [nbformat.from_dict(_without_figure(output)) for output in notebook_outputs(cell)]
        notebook.cells.append(raw)
    return notebook


def code_cells(cells: list[PublishedCell]) -> list[PublishedCell]:
    return [cell for cell in cells if cell.kind == "code"]


def _without_figure(output: dict[str, object]) -> dict[str, object]:
    if SVG_OUTPUT not in output.get("data", {}):  # type: ignore[operator]
        return output
    return {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "figure"}}


def fragments_key(cells: list[PublishedCell]) -> str:
    """A hash of all that the fragments of these code cells are made from."""
    parts = [[cell.source, cell.alt, cell.execution_count, cell.outputs] for cell in cells]
    return key_of(BUILD, json.dumps(parts, ensure_ascii=False))


def cell_fragments(notebook_html: str, cells: list[PublishedCell]) -> list[Fragment]:
    """mkdocs-jupyter's page, cut into its code cells, and the figures that stayed out of it.

    Raises ValueError if it has not as many cells as the chapter.
    """
    # Half a megabyte of JupyterLab's style and script stands before the cells and after them: cut off, not parsed.
    within = notebook_html.partition('<div class="jupyter-wrapper">')[2].partition("<style>")[0]
    sources: list[str] = []

    def take_out(match: re.Match[str]) -> str:
        sources.append(match[2])
        return f"{match[1]}{len(sources) - 1}"

    soup = BeautifulSoup(SOURCE.sub(take_out, within), "html.parser")
    # Its template and nbconvert's each wrap a cell in an element of this class; the outer one is the cell.
    found = [cell for cell in soup.select(".jp-CodeCell") if not cell.find_parent(class_="jp-CodeCell")]
    if len(found) != len(cells):
        raise ValueError(f"mkdocs-jupyter rendered {len(found)} code cells of {len(cells)}: its markup has changed")
    return [
        {"source": _source(tag, sources), "outputs": _outputs(number, cell, tag)}
        for number, (cell, tag) in enumerate(zip(cells, found))
    ]


def _source(fragment: Tag, sources: list[str]) -> str:
    pre = fragment.select_one(".highlight-ipynb pre")
    if pre is None or not pre.text.isdecimal():
        raise ValueError("mkdocs-jupyter rendered a cell without its source: its markup has changed")
    return UNSTYLED.sub(r"\1", sources[int(pre.text)]).removeprefix("<span></span>").rstrip("\n")


def _outputs(number: int, cell: PublishedCell, fragment: Tag) -> list[dict[str, str]]:
    """The cell's outputs in their order, each a `figure` (its drawing) or something `plain`."""
    outputs = []
    areas = fragment.select(".jp-OutputArea-output")
    for order, (output, area) in enumerate(zip(cell.outputs, areas, strict=True)):
        data = output.get("data", {})
        if SVG_OUTPUT in data:
            outputs.append({"figure": themed_plot("".join(data[SVG_OUTPUT]), f"f{number}-{order}", cell.alt)})
        elif table := area.find("table"):
            inner = _clean_table(table)
            outputs.append({"plain": f'<div class="table" tabindex="0" role="group" aria-label="Table">{inner}</div>'})
        elif pre := area.find("pre"):
            pre.attrs = {"tabindex": "0"}
            outputs.append({"plain": str(pre)})
    return outputs


def _clean_table(table: Tag) -> str:
    """A pandas table without its border, class and inline style: the site's stylesheet dresses it."""
    for element in [table, *table.find_all(True)]:
        for name in ("border", "class", "style", "id"):
            element.attrs.pop(name, None)
    _join_header(table)
    for row in table.select("thead tr"):
        if not row.get_text(strip=True):
            row.decompose()
    for cell in table.select("thead th"):
        if not cell.get_text(strip=True):
            cell.name = "td"
        else:
            cell.attrs["scope"] = "col"
    for cell in table.select("tbody th"):
        cell.attrs["scope"] = "row"
    _mark_numbers(table)
    return str(table)


def _join_header(table: Tag) -> None:
    """pandas gives the name of the index a row of its own, under the columns: it goes into the empty cell above it."""
    rows = table.select("thead tr")
    if len(rows) != 2:
        return
    (corner, *columns), (name, *others) = (list(row.select("th, td")) for row in rows)
    if corner.get_text(strip=True) or len(columns) != len(others) or any(cell.get_text(strip=True) for cell in others):
        return
    corner.string = name.get_text(strip=True)
    rows[1].decompose()


def _mark_numbers(table: Tag) -> None:
    """Columns that hold nothing but numbers are marked: their digits stand below one another."""
    rows = [row.select("th, td") for row in table.select("tr")]
    body = [row.select("th, td") for row in table.select("tbody tr")]
    for column in range(max(map(len, rows), default=0)):
        cells = [row[column] for row in body if column < len(row) and row[column].name == "td"]
        texts = [cell.get_text(strip=True) for cell in cells]
        if any(texts) and all(NUMERIC.fullmatch(text) for text in texts):
            for row in rows:
                if column < len(row):
                    row[column].attrs["class"] = "number"
