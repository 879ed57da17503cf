"""The place of the live piece `through-the-gpt`: its files, made anew only for a new model, and its still picture."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from bookbuild.drawings.tower import tower
from bookbuild.project import Project
from bookbuild.remember import BUILD, in_fresh_process, key_of, package_key, remember

CHAPTER, MODEL, OPENING = "gpt", "city.safetensors", "through.json"
WIDGET = "through-the-gpt"


def remembered_through(live: Mapping[str, Mapping[str, bytes]], project: Project) -> dict[str, bytes]:
    """Files of the piece beside those of the chapter that trains its model; none where no chapter does."""
    city = live.get(CHAPTER, {}).get(MODEL)
    if city is None:
        return {}
    key = key_of(BUILD, package_key(project.root), city)
    made = remember(project.cache_dir / "home", WIDGET, key, lambda: in_fresh_process(files_now, city))
    return {name: text.encode() for name, text in made.items()}


def files_now(city: bytes) -> dict[str, str]:
    from bookbuild.site.through_live import through_files  # imports PyTorch

    return {name: content.decode() for name, content in through_files(city).items()}


def through_figure(opening: bytes, live_url: str, whole_url: str = "") -> str:
    """The still picture, whose place the piece takes; `live_url` is the folder of its chapter's live files.

    With `whole_url`, where the whole piece stands, it is the short form: the tower and the way through it, and not each
    number.
    """
    state: dict[str, Any] = json.loads(opening)
    drawing = tower(state)
    place = f'id="{WIDGET}" data-widget="{WIDGET}" data-opening="{OPENING}" data-live="{escape(live_url)}"'
    width = state["config"]["model_dim"]
    caption = (
        f"A GPT of {state['parameters']:,} learned numbers. All that it computes stands here, written with two digits."
    )
    if whole_url:
        caption = (
            f"A GPT of {state['parameters']:,} learned numbers. The small grids are the letters’ running sums, {width} "
            f"numbers each, and, at the MLPs, hidden units: blue above zero, orange below. "
            f'<a href="{escape(whole_url)}#{WIDGET}">Look at each number.</a>'
        )
    kind, more = (" short", " data-short") if whole_url else ("", "")
    caption = f"<figcaption>{caption}</figcaption>"
    return f'<figure class="figure drawn live through{kind}" {place}{more}>{drawing}{caption}</figure>'
