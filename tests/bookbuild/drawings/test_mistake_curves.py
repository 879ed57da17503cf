"""The curve beside a mistake's heading is that mistake's own, over the right runs, and says so."""

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from bookbuild.drawings.mistake_curves import LEFT, RIGHT, TALL, TOP, curve, ends, figures, part_within, path_within
from gptbook.data.tables import read_record
from gptbook.experiments.mistakes import mistakes

ROWS: list[dict[str, Any]] = read_record("mistakes")["rows"]
WRONG = {row["mistake"]: row for row in ROWS if row["mistake"]}
RIGHTLY = [row for row in ROWS if not row["mistake"]]
DRAWN = figures()
POINT = re.compile(r"[ML](-?[\d.]+) (-?[\d.]+)")
TEXT = "{http://www.w3.org/2000/svg}text"
PATH = "{http://www.w3.org/2000/svg}path"


def lines(svg: str, kind: str, *, dashed: bool = False) -> list[list[tuple[float, float]]]:
    """The lines of a colour in a drawing, each as (step, loss), read back through the axes."""
    root = ET.fromstring(svg)
    texts = [text.text or "" for text in root.iter(TEXT)]
    high, low = float(texts[0]), float(texts[2])
    last = int(next(text for text in texts if text.endswith(" steps")).split()[0])
    found = []
    for path in root.iter(PATH):
        is_line = path.get("class") == f"{kind}-stroke" and len(POINT.findall(path.attrib["d"])) > 2
        if is_line and ("stroke-dasharray" in path.attrib) == dashed:
            places = [(float(x), float(y)) for x, y in POINT.findall(path.attrib["d"])]
            found.append(
                [((x - LEFT) / (RIGHT - LEFT) * last, low + (1 - (y - TOP) / TALL) * (high - low)) for x, y in places]
            )
    return found


def agrees(line: list[tuple[float, float]], row: dict[str, Any], key: str, within: float) -> bool:
    """Whether every recorded loss that the line shows stands where the record has it; at least the last half."""
    shown = {round(step): loss for step, loss in line}
    pairs = [(loss, shown[step]) for step, loss in zip(row["steps"], row[key]) if step in shown]
    return bool(pairs) and all(abs(a - b) < within for a, b in pairs if a is not None)


@pytest.mark.parametrize("slug", mistakes())
def test_a_curve_is_that_of_its_own_mistake(slug: str) -> None:
    svg, row = DRAWN[f"mistake-{slug}"], WRONG[slug]
    if row["held_out_losses"][0] is None:
        assert lines(svg, "c1") == lines(svg, "c1", dashed=True) == []
        assert "NaN" in svg
        return
    texts = [float(text.text or "") for text in list(ET.fromstring(svg).iter(TEXT))[:3:2]]
    pixel = (texts[0] - texts[1]) / TALL
    for key, dashed in (("held_out_losses", False), ("training_losses", True)):
        (line,) = lines(svg, "c1", dashed=dashed)
        inside = [point for point in line if texts[1] + pixel < point[1] < texts[0] - pixel]
        assert agrees(inside or line, row, key, within=pixel)
        if len(inside) > 5:
            others = [slug for slug, other in WRONG.items() if agrees(inside, other, key, within=pixel / 8)]
            assert not others or slug in others, "it is nobody else's"


@pytest.mark.parametrize("slug", mistakes())
def test_a_curve_stands_over_the_right_runs_and_no_other_mistake(slug: str) -> None:
    gray = [line for line in lines(DRAWN[f"mistake-{slug}"], "gray") if len(line) > 5]
    assert len(gray) == 1, "three runs in one path"
    assert len(lines(DRAWN[f"mistake-{slug}"], "c1")) <= 1
    last = [loss for step, loss in gray[0] if round(step) == RIGHTLY[0]["steps"][-1]]
    high = 12 / TALL  # a pixel of the widest scale
    assert len(last) == len(RIGHTLY)
    assert all(abs(a - row["held_out_losses"][-1]) < high for a, row in zip(last, RIGHTLY))


@pytest.mark.parametrize("slug", mistakes())
def test_a_curve_says_its_last_losses_to_who_sees_it_and_to_who_does_not(slug: str) -> None:
    svg = DRAWN[f"mistake-{slug}"]
    title = re.search("<title>(.*?)</title>", svg)
    assert title is not None
    for name, loss in ends(WRONG[slug]):
        if loss is not None:
            assert f">{name} {loss:.2f}<" in svg
            assert f"{loss:.2f}" in title[1]
    assert f"{RIGHTLY[0]['held_out_losses'][-1]:.2f}" in title[1]
    if mistakes()[slug].symptom == "writing":
        key = "cached_samples" if slug == "cache-off-by-one" else "samples"
        first = WRONG[slug][key].split()[0]
        assert first[:10] in title[1]


def test_two_curves_are_never_described_alike() -> None:
    told = [re.search("<title>(.*?)</title>", svg)[1] for svg in DRAWN.values()]  # type: ignore[index]
    same = {text for text in told if told.count(text) > 1}
    unlike = {slug for slug, svg in DRAWN.items() for text in same if text in svg}
    alike = [WRONG[slug.removeprefix("mistake-")]["held_out_losses"] for slug in sorted(unlike)]
    assert all(losses == alike[0] for losses in alike), "only runs that are the same run are told in the same words"


def test_a_model_that_is_worth_less_than_it_reports_has_a_dot() -> None:
    honest = {"held_out_losses": [2.5], "training_losses": [2.4], "mistake": "", "fresh_loss": 2.55}
    assert [name for name, _ in ends(honest)] == ["held out", "training"]
    assert ("really", 9.0) in ends({**honest, "fresh_loss": 9.0})


def test_a_line_is_cut_off_where_it_leaves_the_scale() -> None:
    assert part_within(4, 2, low=1, high=3) == (0.5, 1)
    assert part_within(0, 4, low=1, high=3) == (0.25, 0.75)
    assert part_within(5, 4, low=1, high=3) is None
    assert part_within(2, 2, low=1, high=3) == (0, 1)
    whole = path_within([0, 10], [2, 2], 1, 3)
    assert path_within([0, 10, 20], [None, None, 2], 1, 3) == ""
    assert path_within([0, 10, 20, 30], [2, 9, 9, 2], 1, 3).count("M") == 2, "it comes back as another piece"
    assert whole.startswith(f"M{LEFT} ")
    assert whole.endswith(f"L{RIGHT} {TOP + TALL / 2:g}")


def test_a_mistake_without_a_record_is_refused() -> None:
    with pytest.raises(ValueError, match="no curve is recorded"):
        curve("bored", ROWS)
