"""A frame of code cells as HTML: the lines that matter in front, what prepares them behind, and what the cells gave."""

import ast
import html
import re
from collections import Counter
from collections.abc import Callable, Iterable

from bookbuild.chapters.fragments import Fragment
from bookbuild.chapters.published import PublishedCell
from bookbuild.site.frames import Frame
from bookbuild.site.listing import Listing, essential, num_imports, num_in_front

NAMES_SAID = 3
"""How many names the line above folded code says before it counts the others."""
IMPORTS_IN_FRONT = 2
"""Lines of imports that may stand above a definition where nothing else is folded."""

PRINTED = re.compile(r'<pre tabindex="0">(?P<text>[^<]*)</pre>')
LABEL = re.compile(r"(?:\S.{0,20}?\s{2,}|\s+)(?=\S)")
"""How a line begins whose rest stands in a column: with a label, or with blanks in its place."""

Inline = Callable[[str], str]
ReferenceURL = Callable[[str, str], str]


def frame_html(
    frame: Frame, code: list[PublishedCell], fragments: list[Fragment], reference_url: ReferenceURL, inline: Inline
) -> str:
    """The cells of a frame: code with a strip of what it needs above it, or outputs with their code behind a fold."""

    def whole(number: int) -> str:
        return _source_html(code[number], fragments[number], reference_url)

    shown = [number for number in frame.shown if "hide" not in code[number].tags]
    if not shown:
        return ""
    first = code[shown[0]]
    outputs = "".join(_outputs_html(code[number], fragments[number], inline) for number in shown)
    label = next((name for tag, name in (("starter", "Start here"), ("check", "Check")) if tag in first.tags), "")
    heading = f'<p class="cell-label">{label}</p>' if label else ""
    start = f'<div class="cell{_read(first)}" id="cell-{frame.shown[0] + 1}">{heading}'
    if first.folded:
        fold = _fold("Code", "".join(map(whole, [*frame.before, *shown, *frame.after])))
        source = f'<div class="cell-source">{fold}</div>'
        is_drawn = any("figure" in output for number in shown for output in fragments[number]["outputs"])
        parts = [outputs, source] if is_drawn else [source, outputs]
        return f"{start}{''.join(parts)}</div>"
    strip = [whole(number) for number in frame.before]
    folded = [code[number].source for number in frame.before]
    sources = []
    for number in shown:
        cell = code[number]
        listing = essential(cell.source) if cell.origin else _all_lines(cell.source)
        imports = num_imports(cell.source) if cell.origin else 0
        if imports and (frame.before or imports > IMPORTS_IN_FRONT + 2):  # two blank lines follow them
            header = Listing(list(range(imports - 2)), False)
            strip.append(_code_html(cell.source, fragments[number], header))
            folded.append("\n".join(cell.source.splitlines()[: imports - 2]))
            listing = Listing(listing.lines[imports:], listing.is_unchecked)
        sources.append(_source_html(cell, fragments[number], reference_url, listing))
    above = _fold(_said(folded, [code[number].source for number in shown]), "".join(strip), "strip") if strip else ""
    after = [code[number].source for number in frame.after]
    below = _fold(_said(after, []), "".join(map(whole, frame.after))) if after else ""
    rest = f'<div class="cell-source">{below}</div>' if below else ""
    return f'{start}<div class="cell-source framed">{above}{"".join(sources)}</div>{outputs}{rest}</div>'


def _all_lines(source: str) -> Listing:
    return Listing(list(range(len(source.splitlines()))), False)


def _fold(summary: str, body: str, kind: str = "") -> str:
    classes = f"fold {kind}".rstrip()
    return f'<details class="{classes}"><summary class="of-code">{summary}</summary>{body}</details>'


def _said(folded: list[str], shown: list[str]) -> str:
    """What folded code holds: its lines, whether it imports, and its names, those first that the shown code uses."""
    num_lines = sum(len(source.splitlines()) for source in folded)
    bodies = [node for source in folded for node in ast.parse(source).body]
    trees = [ast.parse(source) for source in shown]
    used = [node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)]
    defined = [node.name for node in bodies if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    given = [
        name.id
        for node in bodies
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    ]
    names = list(dict.fromkeys([*(name for name in used if name in {*defined, *given}), *reversed(defined)]))
    said = [f"<code>{name}</code>" for name in names[:NAMES_SAID]]
    if len(names) > NAMES_SAID:
        said.append(f"{len(names) - NAMES_SAID} more")
    if any(isinstance(node, ast.Import | ast.ImportFrom) for node in bodies):
        said.insert(0, "imports")
    lines = f"{num_lines} line{'s' if num_lines > 1 else ''}"
    return f"{lines}: {_listed(said)}" if said else lines


def _listed(words: Iterable[str]) -> str:
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last


def live_html(cell: PublishedCell, fragment: Fragment, inline: Inline, live_url: str) -> str:
    """The figure of a live piece, whose place it takes when it comes near the screen; nothing if the cell has none."""
    drawing = next((output["figure"] for output in fragment["outputs"] if "figure" in output), None)
    if drawing is None:
        return ""
    widget, url = html.escape(cell.widget), html.escape(live_url)
    more = f'{_read(cell)} live" id="{widget}" data-widget="{widget}" data-live="{url}'
    return _figure_html(drawing, cell.caption, inline, more)


def _read(cell: PublishedCell) -> str:
    """The class of what Skim hides with its cell."""
    return " read" if "read" in cell.tags else ""


def _figure_html(drawing: str, caption: str, inline: Inline, more: str = "") -> str:
    return f'<figure class="figure plot{more}">{drawing}<figcaption>{inline(caption)}</figcaption></figure>'


def _source_html(
    cell: PublishedCell, fragment: Fragment, reference_url: ReferenceURL, listing: Listing | None = None
) -> str:
    where = ""
    if cell.origin:
        module, name = cell.origin.module, cell.origin.name
        lines = f"lines {cell.origin.first_line}–{cell.origin.last_line}"
        path = module.replace(".", "/") + ".py"
        link = f'<a href="{reference_url(module, name)}">{path}, {lines}</a>'
        mark = ", without its docstring and checks" if listing and listing.is_unchecked else ""
        where = f'<p class="cell-where">{link}{mark}</p>'
    return where + _code_html(cell.source, fragment, listing)


def _code_html(source: str, fragment: Fragment, listing: Listing | None) -> str:
    """The lines of a listing, coloured; where they are many, the later ones in a fold. Without a listing, all of them.

    Raises ValueError if the coloured source has other lines than the source.
    """
    coloured = fragment["source"].split("\n")
    if listing is None:
        return f'<div class="highlight">{_pre(coloured)}</div>'
    if len(coloured) != len(source.splitlines()):
        raise ValueError("mkdocs-jupyter rendered other lines than the cell has: its markup has changed")
    lines = [coloured[line] for line in listing.lines]
    front = num_in_front(source, listing.lines)
    rest = ""
    if front < len(lines):
        summary = f'<summary class="of-code">All {len(lines)} lines</summary>'
        rest = f'<details class="fold rest">{summary}{_pre(lines[front:])}</details>'
    return f'<div class="highlight">{_pre(lines[:front])}{rest}</div>'


def _pre(lines: list[str]) -> str:
    # Material's script gives every `pre > code` watchers of its own, a quarter of a second on a phone; with an element
    # between, it leaves them alone.
    code = "\n".join(lines)
    return f'<pre tabindex="0"><span><code>{code}\n</code></span></pre>'


def _outputs_html(cell: PublishedCell, fragment: Fragment, inline: Inline) -> str:
    is_result = "result" in cell.tags
    parts = [
        _figure_html(output["figure"], cell.caption, inline)
        if "figure" in output
        else f'<div class="edge">{_in_lines(output["plain"]) if is_result else output["plain"]}</div>'
        for output in fragment["outputs"]
    ]
    if not parts:
        return ""
    kind = "cell-output"
    if any("figure" in output for output in fragment["outputs"]):
        kind += " cell-figure"
    if is_result:
        kind += " cell-result"
    return f'<div class="{kind}">{"".join(parts)}</div>'


def _in_lines(output: str) -> str:
    """Printed text, each line an element, so that one that wraps can go on below its own beginning, or in its column.

    A column is where several lines go on after a label and two blanks. What is no plain text, and tables, stay.
    """
    printed = PRINTED.fullmatch(output)
    if not printed:
        return output
    text = html.unescape(printed["text"]).removesuffix("\n").split("\n")
    begins = Counter(found.end() for line in text if (found := LABEL.match(line)))
    column, times = max(begins.items(), key=lambda item: item[1], default=(0, 0))
    lines = []
    for line in text:
        label, rest = line[:column], line[column:]
        if times > 1 and label[-1:].isspace() and rest[:1].strip():
            label, rest = html.escape(label, quote=False), html.escape(rest, quote=False)
            lines.append(f'<span class="pair"><span>{label}</span><span>{rest}\n</span></span>')
        else:
            lines.append(f"<span>{html.escape(line, quote=False)}\n</span>")
    return f'<pre class="lines" tabindex="0">{"".join(lines)}</pre>'
