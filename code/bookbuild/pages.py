"""A published chapter becomes a page: MkDocs' own Markdown renders the prose, mkdocs-jupyter the cells.

The prose is rendered with a comment in the place of each code cell, so that links are checked, anchors are MkDocs' own
and boxes may stand between cells; then each comment is replaced by what mkdocs-jupyter made of that cell, cleaned.
"""

import html
import re
from collections.abc import Callable
from itertools import groupby

import markdown
import nbformat
from bs4 import BeautifulSoup, Tag

from bookbuild.published import EXERCISES_HEADING, PublishedCell, notebook_outputs
from bookbuild.svg import themed_plot

PLACE = re.compile(r"<!--(cell|open|close) ?(.*?)-->")
DRAWN = re.compile(r'<p><img (?P<attributes>[^>]*?src="(?P<src>[^"]*figures/[^"]+\.svg)"[^>]*?)\s*/?></p>')
# Pygments marks each blank, name and bracket; the book's palette leaves them as they are, and a fifth of the page goes.
UNSTYLED = re.compile(r'<span class="(?:w|n|p)">([^<]*)</span>')
ATTRIBUTE = re.compile(r'(?P<name>[a-z-]+)="(?P<value>[^"]*)"')
SVG_OUTPUT = "image/svg+xml"


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


def page_markdown(cells: list[PublishedCell]) -> str:
    """The prose, with comments where cells, notes, exercises and their folded parts begin and end."""
    parts: list[str] = []
    numbers = {id(cell): number for number, cell in enumerate(code_cells(cells))}
    open_boxes: list[str] = []

    def close(name: str) -> None:
        if name in open_boxes:
            while True:
                box = open_boxes.pop()
                parts.append(f"<!--close {box}-->")
                if box == name:
                    break

    for _, group in groupby(cells, key=lambda cell: cell.group):
        members = list(group)
        first = members[0]
        if "exercise" in first.tags:
            close("exercise")
            kind = first.source.removeprefix("### ").split(":")[0].strip().lower()
            parts.append(f"<!--open exercise {kind}-->")
            open_boxes.append("exercise")
        if first.kind == "markdown" and first.source.startswith("## "):
            close("exercises")
            if first.source.startswith(EXERCISES_HEADING):
                parts.append("<!--open exercises-->")
                open_boxes.append("exercises")
        if first.kind == "markdown":
            box = next((tag for tag in ("note", "hint") if tag in first.tags), None)
            text = first.source
            parts.append(f"<!--open {box}-->\n\n{text}\n\n<!--close {box}-->" if box else text)
            continue
        if "solution" in first.tags:
            parts.append("<!--open solution-->")
        parts.extend(f"<!--cell {','.join(str(numbers[id(cell)]) for cell in run)}-->" for run in _runs(members))
        if "solution" in first.tags:
            parts.append("<!--close solution-->")
    close("exercise")
    close("exercises")
    return "\n\n".join(parts)


def _runs(members: list[PublishedCell]) -> list[list[PublishedCell]]:
    """Neighbouring cells that go into one fold together."""
    return [list(run) for _, run in groupby(members, key=lambda cell: cell.folded)]


OPENED = {
    "note": '<div class="note-beside">',
    "hint": '<details class="hint"><summary>Hint</summary>',
    "solution": '<details class="solution"><summary>Solution</summary>',
    "exercises": '<div class="exercise-part">',
}
CLOSED = {
    "note": "</div>",
    "hint": "</details>",
    "solution": "</details>",
    "exercises": "</div>",
    "exercise": "</section>",
}


def fill_places(
    page_html: str,
    cells: list[PublishedCell],
    fragments: list[Tag],
    reference_url: Callable[[str, str], str],
    inline: Callable[[str], str],
    live_url: str = "",
) -> str:
    """Put the cells where their comments stand.

    `fragments` is mkdocs-jupyter's HTML cell by cell, `reference_url(module, name)` the page that documents a
    definition, `inline` renders a caption's Markdown, `live_url` is the folder of what the live piece loads.
    """
    code = code_cells(cells)

    def replace(match: re.Match[str]) -> str:
        what, rest = match[1], match[2]
        if what == "close":
            return CLOSED[rest]
        if what == "open":
            name, _, kind = rest.partition(" ")
            if name == "exercise":
                return f'<section class="exercise" data-kind="{html.escape(kind)}">'
            return OPENED[name]
        numbers = [int(number) for number in rest.split(",")]
        run = [(number, code[number], fragments[number]) for number in numbers]
        if "live" in run[0][1].tags or run[-1][1].widget:
            return _live_html(*run[-1], inline, live_url)
        return _run_html(run, reference_url, inline)

    return PLACE.sub(replace, page_html)


def cell_fragments(notebook_html: str, count: int) -> list[Tag]:
    """mkdocs-jupyter's page, cut into its code cells. Raises ValueError if it has not as many as the notebook."""
    # Half a megabyte of JupyterLab's style and script stands before the cells and after them: cut off, not parsed.
    cells = notebook_html.partition('<div class="jupyter-wrapper">')[2].partition("<style>")[0]
    soup = BeautifulSoup(cells, "html.parser")
    # Its template and nbconvert's each wrap a cell in an element of this class; the outer one is the cell.
    found = [cell for cell in soup.select(".jp-CodeCell") if not cell.find_parent(class_="jp-CodeCell")]
    if len(found) != count:
        raise ValueError(f"mkdocs-jupyter rendered {len(found)} code cells of {count}: its markup has changed")
    return found


def _run_html(
    run: list[tuple[int, PublishedCell, Tag]],
    reference_url: Callable[[str, str], str],
    inline: Callable[[str], str],
) -> str:
    sources, outputs = [], []
    for number, cell, fragment in run:
        if "hide" in cell.tags:
            continue
        sources.append(_source_html(cell, fragment, reference_url))
        outputs.append(_outputs_html(number, cell, fragment, inline))
    if not sources:
        return ""
    first = run[0][1]
    body = "".join(sources)
    if first.folded:
        from_package = [cell.origin.name for _, cell, _ in run if cell.origin]
        summary = "Code"
        if from_package and all(cell.origin for _, cell, _ in run):
            names = ", ".join(f"<code>{name}</code>" for name in from_package)
            summary = f"Code that the next lines use: {names}"
        body = f'<details class="fold"><summary>{summary}</summary>{body}</details>'
    label = next((name for tag, name in (("starter", "Start here"), ("check", "Check")) if tag in first.tags), "")
    heading = f'<p class="cell-label">{label}</p>' if label else ""
    return (
        f'<div class="cell" id="cell-{run[0][0] + 1}">{heading}'
        f'<div class="cell-source">{body}</div>{"".join(outputs)}</div>'
    )


def _live_html(number: int, cell: PublishedCell, fragment: Tag, inline: Callable[[str], str], live_url: str) -> str:
    """The figure of a live piece, whose place it takes when it comes near the screen; nothing if the cell has none."""
    area = BeautifulSoup(_outputs_html(number, cell, fragment, inline), "html.parser")
    figure = area.find("figure")
    if figure is None:
        return ""
    figure["class"] = "figure plot live"
    figure["id"] = figure["data-widget"] = cell.widget
    figure["data-live"] = live_url
    return str(figure)


def _source_html(cell: PublishedCell, fragment: Tag, reference_url: Callable[[str, str], str]) -> str:
    where = ""
    if cell.origin:
        module, name = cell.origin.module, cell.origin.name
        lines = f"lines {cell.origin.first_line}–{cell.origin.last_line}"
        path = module.replace(".", "/") + ".py"
        where = f'<p class="cell-where"><a href="{reference_url(module, name)}">{path}, {lines}</a></p>'
    pre = fragment.select_one(".highlight-ipynb pre")
    if pre is None:
        raise ValueError("mkdocs-jupyter rendered a cell without its source: its markup has changed")
    code = UNSTYLED.sub(r"\1", "".join(str(child) for child in pre.children))
    code = code.removeprefix("<span></span>").rstrip("\n")
    # Material's script gives every `pre > code` watchers of its own, a quarter of a second on a phone; with an element
    # between, it leaves them alone.
    return f'{where}<div class="highlight"><pre tabindex="0"><span><code>{code}\n</code></span></pre></div>'


def _outputs_html(number: int, cell: PublishedCell, fragment: Tag, inline: Callable[[str], str]) -> str:
    parts, has_figure = [], False
    areas = fragment.select(".jp-OutputArea-output")
    for order, (output, area) in enumerate(zip(cell.outputs, areas, strict=True)):
        data = output.get("data", {})
        if SVG_OUTPUT in data:
            has_figure = True
            drawing = themed_plot("".join(data[SVG_OUTPUT]), f"f{number}-{order}", cell.alt)
            caption = f"<figcaption>{inline(cell.caption)}</figcaption>"
            parts.append(f'<figure class="figure plot">{drawing}{caption}</figure>')
        elif table := area.find("table"):
            parts.append(f'<div class="table" tabindex="0" role="group" aria-label="Table">{_clean_table(table)}</div>')
        elif pre := area.find("pre"):
            pre.attrs = {"tabindex": "0"}
            parts.append(str(pre))
    if not parts:
        return ""
    kind = "cell-output"
    if has_figure:
        kind += " cell-figure"
    if "result" in cell.tags:
        kind += " cell-result"
    return f'<div class="{kind}">{"".join(parts)}</div>'


def _clean_table(table: Tag) -> str:
    """A pandas table without its border, class and inline style: the site's stylesheet dresses it."""
    for element in [table, *table.find_all(True)]:
        for name in ("border", "class", "style", "id"):
            element.attrs.pop(name, None)
    for cell in table.select("thead th"):
        if not cell.get_text(strip=True):
            cell.name = "td"
        else:
            cell.attrs["scope"] = "col"
    for cell in table.select("tbody th"):
        cell.attrs["scope"] = "row"
    return str(table)


def with_drawings(page_html: str, drawings: dict[str, str], inline: Callable[[str], str], live_url: str = "") -> str:
    """Each image of `figures/`, alone in its paragraph, becomes the drawing itself, with its caption.

    One with a `data-widget` is the still picture of that live piece, which loads what lies in the folder `live_url`.
    """

    def replace(match: re.Match[str]) -> str:
        attributes = {m["name"]: m["value"] for m in ATTRIBUTE.finditer(match["attributes"])}
        slug = match["src"].rsplit("/", 1)[1].removesuffix(".svg")
        drawing = accessible(drawings[slug], attributes.get("alt", ""))
        title = html.unescape(attributes.get("title", ""))
        caption = f"<figcaption>{inline(title)}</figcaption>" if title else ""
        more = f" {attributes['class']}" if "class" in attributes else ""
        if widget := attributes.get("data-widget"):
            more = f'{more} live" id="{widget}" data-widget="{widget}" data-live="{live_url}'
        return f'<figure class="figure drawn{more}">{drawing}{caption}</figure>'

    return DRAWN.sub(replace, page_html)


def accessible(svg: str, alt: str) -> str:
    """The drawing with the page's own alternative text in place of its title."""
    svg = re.sub(r">\s+<", "><", svg)
    if not alt:
        return svg
    svg = re.sub(r"<title>.*?</title>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r' aria-label(?:ledby)?="[^"]*"', "", svg, count=1)
    return svg.replace("<svg ", f'<svg aria-label="{alt}" ', 1)


def inline_markdown(extensions: list[str], configs: dict[str, dict[str, object]]) -> Callable[[str], str]:
    """A function that renders one line of Markdown without the paragraph around it."""

    def render(text: str) -> str:
        rendered = markdown.markdown(text, extensions=extensions, extension_configs=configs)
        return rendered.removeprefix("<p>").removesuffix("</p>")

    return render
