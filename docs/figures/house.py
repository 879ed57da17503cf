"""The package as a house: its wings, drawn from the imports that are really there."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

from bookbuild.drawings.draw import Drawing

WIDTH, LEFT, TALL, GAP = 380, 8, 46, 24


def imports() -> dict[str, set[str]]:
    """By wing: the other wings that its modules import."""
    spec = find_spec("gptbook")
    assert spec is not None
    (package,) = map(Path, spec.submodule_search_locations or ())
    found: dict[str, set[str]] = {}
    for path in sorted(package.rglob("*.py")):
        wing = path.parent.name
        if path.parent == package:
            continue
        found.setdefault(wing, set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith(
                "gptbook."
            ):
                found[wing].add(str(node.module).split(".")[1])
    return {wing: others - {wing} for wing, others in found.items()}


def reached(wing: str, arrows: dict[str, set[str]]) -> set[str]:
    """All wings that one stands on, directly or not."""
    below = arrows[wing]
    return below.union(*(reached(other, arrows) for other in below))


def floor(wing: str, arrows: dict[str, set[str]]) -> int:
    """How high a wing stands: one floor above the highest that it imports."""
    return max((1 + floor(other, arrows) for other in arrows[wing]), default=0)


def num_modules(wing: str) -> int:
    """How many modules a wing has."""
    spec = find_spec(f"gptbook.{wing}")
    assert spec is not None
    assert spec.origin is not None
    return len(list(Path(spec.origin).parent.glob("[a-z]*.py")))


def direct(wing: str, arrows: dict[str, set[str]]) -> set[str]:
    """The wings that a wing stands on with none between: by them it may reach the others."""
    others = arrows[wing]
    return {
        other
        for other in others
        if not any(other in reached(o, arrows) for o in others - {other})
    }


def columns(
    arrows: dict[str, set[str]], floors: dict[int, list[str]]
) -> dict[str, tuple[int, int]]:
    """By wing: its first and its last column. The widest floor has one a wing; what is above covers what it uses."""
    widest = max(floors, key=lambda level: len(floors[level]))
    found = {
        wing: (number, number) for number, wing in enumerate(sorted(floors[widest]))
    }
    for level in sorted(floors):
        for wing in floors[level]:
            if level < widest:
                found[wing] = (0, len(floors[widest]) - 1)
            elif level > widest:
                below = [found[other] for other in direct(wing, arrows)]
                found[wing] = (
                    min(first for first, _ in below),
                    max(last for _, last in below),
                )
    return found


def figure() -> str:
    """Return the house as SVG: each wing stands on those that it imports."""
    arrows = imports()
    floors: dict[int, list[str]] = {}
    for wing in arrows:
        floors.setdefault(floor(wing, arrows), []).append(wing)
    top, spans = max(floors), columns(arrows, floors)
    said = "; ".join(
        f"{wing} imports {', '.join(sorted(arrows[wing])) or 'none'}"
        for wing in sorted(arrows)
    )
    title = (
        f"{len(arrows)} wings on {top + 1} floors, each above what it imports: {said}."
    )
    d = Drawing(WIDTH, (top + 1) * (TALL + GAP) - GAP + 12, title)
    column = (WIDTH - 2 * LEFT + GAP) / (1 + max(last for _, last in spans.values()))
    place = {
        wing: (
            LEFT + spans[wing][0] * column,
            6 + (top - floor(wing, arrows)) * (TALL + GAP),
            (spans[wing][1] - spans[wing][0] + 1) * column - GAP,
        )
        for wing in arrows
    }
    for wing, (x, y, wide) in place.items():
        for other in sorted(direct(wing, arrows)):
            ox, oy, owide = place[other]
            middle = (max(x, ox) + min(x + wide, ox + owide)) / 2
            d.arrow(middle, y + TALL, middle, oy)
    for wing, (x, y, wide) in place.items():
        d.box(x, y, wide, TALL)
        d.text(x + wide / 2, y + 20, wing, 14, anchor="middle", weight=600)
        d.text(
            x + wide / 2, y + 37, f"{num_modules(wing)} modules", 12, "muted", "middle"
        )
    return d.svg()
