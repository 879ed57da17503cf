"""The still picture of the home page's live piece, from what its models write; those run only if one of them is new."""

from collections.abc import Mapping
from math import exp
from typing import Any

from bookbuild.drawings.draw import Drawing
from bookbuild.project import Project
from bookbuild.remember import BUILD, in_fresh_process, key_of, key_of_files, package_key, remember

WIDTH, PITCH = 380, 44
RECORDED = "Only its record is kept, so it can’t go on here.\nIt once wrote"


def remembered_opening(live: Mapping[str, Mapping[str, bytes]], project: Project) -> dict[str, object]:
    """What the piece opens on (`bookbuild.site.home_live`), by the files of all live pieces; raises KeyError as it."""
    files = (part for page in sorted(live) for name in sorted(live[page]) for part in (page, name, live[page][name]))
    records = key_of_files((project.root / "data" / "runs").glob("*.json"), project.root)
    key = key_of(BUILD, package_key(project.root), records, *files)
    return remember(project.cache_dir / "home", "opening", key, lambda: in_fresh_process(opening_now, live))


def opening_now(live: Mapping[str, Mapping[str, bytes]]) -> dict[str, object]:
    from bookbuild.site.home_live import home_opening  # imports PyTorch

    return home_opening(live)


def home_figure(opening: dict[str, object], live_url: str) -> str:
    """The still picture, whose place the piece takes: a row for each rung with the name it writes and its loss."""
    rungs: list[dict[str, Any]] = opening["rungs"]  # type: ignore[assignment]
    recorded: dict[str, Any] = opening["recorded"]  # type: ignore[assignment]
    said = "; ".join(f"{rung['label']}: {rung['name']}" for rung in rungs)
    title = (
        f"What each rung writes after {opening['text']}: {said}. Recorded: {recorded['label']} wrote {recorded['name']}"
    )
    d = Drawing(WIDTH, PITCH * (len(rungs) + 1) + 16, title)
    for number, rung in enumerate([*rungs, recorded]):
        y = PITCH * number
        d.text(0, y + 14, str(rung["label"]), 13, "gray")
        d.text(WIDTH, y + 14, f"{exp(rung['loss']):.1f} letters", 13, "gray", "end")
        if rung is recorded:
            d.text(0, y + 34, f"{RECORDED} {rung['name']}.", 13, "gray")
        else:
            d.text(0, y + 34, str(rung["name"]), 17, mono=True)
    caption = (
        f"Five models that the chapters train go on with <em>{opening['text']}</em>, with the same random numbers. "
        "Beside each: among how many letters it hesitates, on names it has never seen. The last row is the larger GPT "
        "that ends the drawn ladder."
    )
    return (
        f'<figure class="figure drawn live" id="ladder" data-widget="ladder" data-live="{live_url}">'
        f"{d.svg()}<figcaption>{caption}</figcaption></figure>"
    )
