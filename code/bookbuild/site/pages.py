"""A published chapter becomes a page: MkDocs' own Markdown renders the prose, mkdocs-jupyter the cells.

The prose is rendered with a comment in the place of each code cell, so that links are checked, anchors are MkDocs' own
and boxes may stand between cells; then each comment is replaced by what mkdocs-jupyter made of that cell, cleaned.
"""

import html
import re
from collections.abc import Callable
from itertools import groupby

import markdown

from bookbuild.chapters.fragments import Fragment, code_cells
from bookbuild.chapters.published import EXERCISES_HEADING, PublishedCell
from bookbuild.site.cells import frame_html, live_html
from bookbuild.site.frames import frames
from bookbuild.site.questions import CLOSED as QUESTION_CLOSED
from bookbuild.site.questions import OPENED as QUESTION_OPENED
from bookbuild.site.questions import answer_markdown, box_markdown, field_html, field_markdown

PLACE = re.compile(r"<!--(cell|field|open|close) ?(.*?)-->")
READ_HEADING = re.compile(r'<!--(?P<what>open|close) (?:read|note|exercises)-->|<h[2-6] id="(?P<id>[^"]+)"')
DRAWN = re.compile(r'<p><img (?P<attributes>[^>]*?src="(?P<src>[^"]*figures/[^"]+\.svg)"[^>]*?)\s*/?></p>')
ATTRIBUTE = re.compile(r'(?P<name>[a-z-]+)="(?P<value>[^"]*)"')


def page_markdown(cells: list[PublishedCell]) -> str:
    """The prose, with comments where cells, notes, exercises and their folded parts begin and end."""
    parts: list[str] = []
    numbers = {id(cell): number for number, cell in enumerate(code_cells(cells))}
    framed = frames(cells)
    open_boxes: list[str] = []
    on_page: PublishedCell | None = None  # the exercise that is answered on the page, as long as its cells last

    def close(name: str) -> None:
        nonlocal on_page
        if name in open_boxes:
            while True:
                box = open_boxes.pop()
                if box == "exercise" and on_page and on_page.guess:
                    parts.append(answer_markdown(on_page.guess))
                    on_page = None
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
            on_page = first if first.guess else None
        if first.kind == "markdown" and first.source.startswith("## "):
            close("exercises")
            if first.source.startswith(EXERCISES_HEADING):
                parts.append("<!--open exercises-->")
                open_boxes.append("exercises")
        if first.kind == "markdown":
            box = next((tag for tag in ("read", "note", "hint") if tag in first.tags), None)
            text = first.source
            if first.guess:
                number = cells.index(first)
                ask = field_markdown if "exercise" in first.tags else box_markdown
                text = ask(first.guess, number)
            parts.append(f"<!--open {box}-->\n\n{text}\n\n<!--close {box}-->" if box else text)
            continue
        if on_page and first.tags & {"starter", "check", "solution"}:
            continue  # in the notebook
        if "solution" in first.tags:
            parts.append("<!--open solution-->")
        # One that is in no frame here stands in that of a later cell.
        parts.extend(f"<!--cell {numbers[id(cell)]}-->" for cell in members if numbers[id(cell)] in framed)
        if "solution" in first.tags:
            parts.append("<!--close solution-->")
    close("exercise")
    close("exercises")
    return "\n\n".join(parts)


OPENED = {
    **QUESTION_OPENED,
    "read": '<div class="read">',
    "note": '<div class="note-beside">',
    "hint": '<details class="hint"><summary>Hint</summary>',
    "solution": '<details class="solution"><summary>Solution</summary>',
    "exercises": '<div class="exercise-part">',
}
CLOSED = {
    **QUESTION_CLOSED,
    "read": "</div>",
    "note": "</div>",
    "hint": "</details>",
    "solution": "</details>",
    "exercises": "</div>",
    "exercise": "</section>",
}


def headings_of_read(page_html: str) -> list[str]:
    """The ids of the headings, and of the sections in a note or an exercise, that Skim hides.

    `page_html` is the rendered prose, with its comments still in it.
    """
    found, depth = [], 0
    for match in READ_HEADING.finditer(page_html):
        if match["id"]:
            found += [match["id"]] if depth else []
        else:
            depth += 1 if match["what"] == "open" else -1
    return found


def fill_places(
    page_html: str,
    cells: list[PublishedCell],
    fragments: list[Fragment],
    reference_url: Callable[[str, str], str],
    inline: Callable[[str], str],
    live_url: str = "",
) -> str:
    """Put the cells where their comments stand.

    `fragments` is what `cell_fragments` gave, `reference_url(module, name)` the page that documents a definition,
    `inline` renders a caption's Markdown, `live_url` is the folder of what the live piece loads.
    """
    code, framed = code_cells(cells), frames(cells)

    def replace(match: re.Match[str]) -> str:
        what, rest = match[1], match[2]
        if what == "field":
            asking = cells[int(rest)]
            return field_html(asking.guess, exercise="exercise" in asking.tags)
        if what == "close":
            return CLOSED[rest]
        if what == "open":
            name, _, kind = rest.partition(" ")
            if name == "exercise":
                return f'<section class="exercise" data-kind="{html.escape(kind)}">'
            return OPENED[name]
        frame = framed[int(rest)]
        last = code[frame.shown[-1]]
        if "live" in last.tags or last.widget:
            return live_html(last, fragments[frame.shown[-1]], inline, live_url)
        return frame_html(frame, code, fragments, reference_url, inline)

    return PLACE.sub(replace, page_html)


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
            if opening := attributes.get("data-opening"):
                more += f'" data-opening="{opening}'
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
