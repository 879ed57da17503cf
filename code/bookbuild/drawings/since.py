"""What changed since GPT-2, drawn: clock hands, heads that share, experts of which two work. The package reckons."""

from __future__ import annotations

from math import cos, degrees, radians, sin

import torch

from bookbuild.drawings.draw import Drawing, number
from gptbook.models.gpt import GPTConfig
from gptbook.models.grouped import cache_bytes_per_token
from gptbook.models.mixture import Mixture
from gptbook.models.rotary import clock_angles, turn

# As they are made, before they are turned: degrees clockwise from 12 o'clock.
MADE = {"q": 0.0, "k": 65.0}
PLACES = (None, (3, 1), (6, 4), (6, 1))  # of the query and of the key; first, neither is turned
RADIUS, FACE = 58, 190
COLOUR = {"q": "c0", "k": "c1"}
GROUPS = (4, 2, 1)
SMALL = GPTConfig(vocab_size=121, context_length=64, num_layers=1, num_heads=4, model_dim=32, mlp_dim=128)
SCORES = (0.3, -0.8, 1.9, 0.1, -1.2, 0.7, 1.5, -0.4)  # of a router, made up
CHOSEN = 2


def hands(places: tuple[int, int] | None) -> tuple[dict[str, float], float]:
    """Where a query and a key point, in degrees clockwise from 12, and their product; `places` are theirs."""
    ends = {}
    for index, (name, angle) in enumerate(MADE.items()):
        end = torch.tensor([[cos(radians(angle)), sin(radians(angle))]], dtype=torch.float64)  # up, across
        if places:
            end = turn(end, clock_angles(torch.tensor([places[index]]), 2))
        ends[name] = end[0]
    pointing = {name: degrees(torch.atan2(end[1], end[0]).item()) % 360 for name, end in ends.items()}
    return pointing, float(ends["q"] @ ends["k"])


def apart(pointing: dict[str, float]) -> float:
    """The angle between two hands, 0 to 180 degrees."""
    gap = abs(pointing["q"] - pointing["k"]) % 360
    return min(gap, 360 - gap)


def clock_hands() -> str:
    """Four clock faces as SVG: a query and a key as they are made, then turned by where they stand."""
    told = []
    for places in filter(None, PLACES):
        pointing, product = hands(places)
        told.append(
            f"at {places[0]} and {places[1]} they are {apart(pointing):.1f} degrees apart, product {product:.2f}"
        )
    d = Drawing(
        2 * FACE,
        460,
        "A query and a key as two hands of a clock, each turned by its position, one radian for each: "
        + "; ".join(told)
        + ". The same gap is the same angle and the same product.",
    )
    for index, turned in enumerate(PLACES):
        pointing, product = hands(turned)
        x, y = FACE * (index % 2 + 0.5), 220 * (index // 2) + 98
        if turned:
            d.text(x, y - 82, f"query at {turned[0]}, key at {turned[1]}", 14, anchor="middle", weight=600)
        else:
            d.text(x, y - 82, "before they are turned", 14, anchor="middle", weight=600)
        d.circle(x, y, RADIUS, "gray", 0, 1)
        for hour in range(12):
            d.line(*_point(x, y, 30 * hour, RADIUS - 4), *_point(x, y, 30 * hour, RADIUS), "gray", stroke=1)
        _sector(d, x, y, pointing)
        for name, angle in pointing.items():
            tip = _point(x, y, angle, RADIUS - 10)
            d.line(x, y, *tip, COLOUR[name], stroke=3)
            d.circle(*tip, 4, COLOUR[name])
            d.centred(*_point(x, y, angle, RADIUS + 10), name, 14, COLOUR[name], 700)
        d.circle(x, y, 3.5)
        gap = f"gap {turned[0] - turned[1]}: " if turned else ""
        score = f"{product:.2f}".replace("-", "\N{MINUS SIGN}")
        d.text(x, y + 89, f"{gap}{apart(pointing):.1f}° apart", 14, anchor="middle")
        d.text(x, y + 107, f"q · k = {score}", 14, anchor="middle", weight=600)
    step = degrees(clock_angles(torch.tensor([1]), 2).item())
    d.text(FACE, 452, f"each position turns a hand by 1 radian, {step:.1f}°", 13, "muted", "middle")
    return d.svg()


def _point(x: float, y: float, angle: float, radius: float) -> tuple[float, float]:
    """The point at an angle clockwise from 12 around (x, y)."""
    return x + radius * sin(radians(angle)), y - radius * cos(radians(angle))


def _sector(d: Drawing, x: float, y: float, pointing: dict[str, float]) -> None:
    """The angle between the two hands, shaded."""
    turned = (pointing["k"] - pointing["q"] + 180) % 360 - 180  # the short way round
    # Corners and no arc: the picture for downloads is painted without curves of that kind.
    arc = [_point(x, y, pointing["q"] + turned * part / 24, 26) for part in range(25)]
    corners = "".join(f"L{number(px)} {number(py)}" for px, py in arc)
    d.path(f"M{number(x)} {number(y)}{corners}Z", "c2", 0.25, 1)


def grouped_queries() -> str:
    """Three ways to share as SVG: four heads of queries, and four, two or one of keys and values to look at."""
    cell, pitch, top = 24, 26, 62
    kept = {groups: cache_bytes_per_token(SMALL, groups) for groups in GROUPS}
    d = Drawing(
        380,
        226,
        "Four heads of 8 numbers ask, and look at keys and values: each at its own, two at each, or all at one. "
        "The cache of a block keeps "
        + ", ".join(f"{2 * groups} rows ({kept[groups]} bytes)" for groups in GROUPS)
        + " of a token.",
    )
    names = ("each its own", "two groups", "one for all")
    for index, (groups, name) in enumerate(zip(GROUPS, names, strict=True)):
        left = 22 + 124 * index
        middle = left + 2 * pitch - 1
        d.text(middle, 18, name, 14, anchor="middle", weight=600)
        d.text(middle, 36, f"{groups} head{'s' if groups > 1 else ''} of keys", 13, "muted", "middle")
        for head in range(SMALL.num_heads):
            group = head * groups // SMALL.num_heads
            share = SMALL.num_heads // groups
            to = left + pitch * (group + 0.5) * share - 1
            d.line(left + pitch * head + cell / 2, top + 20, to, top + 58, "gray", stroke=1.5)
            d.cells(left + pitch * head, top - 14, ["q"], cell, cell + 10, "data")
        for group in range(groups):
            to = left + pitch * (group + 0.5) * (SMALL.num_heads // groups) - 1
            for row, letter in enumerate("kv"):
                d.rect(to - cell / 2, top + 58 + 30 * row, cell, 30, "learned", 0, 0.25, 1.5)
                d.centred(to, top + 73 + 30 * row, letter, 14)
        d.text(middle, top + 138, f"{2 * groups} rows kept", 14, anchor="middle", weight=600)
        d.text(middle, top + 156, f"{kept[groups]} bytes", 13, "muted", "middle")
    return d.svg()


def mixture_of_experts() -> str:
    """A router and its experts as SVG: a score for each, two at work, their results added by their shares."""
    mixture = Mixture(4, 4, len(SCORES), CHOSEN).eval()
    with torch.no_grad():
        mixture.router.weight.zero_()
        mixture.router.bias.copy_(torch.tensor(SCORES))
        chosen, shares = mixture.route(torch.zeros(1, 1, 4))
    share_of = dict(zip(chosen.flatten().tolist(), shares.flatten().tolist(), strict=True))
    told = " and ".join(f"{index + 1} ({share:.0%})" for index, share in sorted(share_of.items()))
    d = Drawing(
        380,
        330,
        f"A token's row goes to a router, which scores {len(SCORES)} experts. The {CHOSEN} with the highest scores "
        f"work: {told}. Their results are added by these shares; the others rest.",
    )
    left, pitch, wide = 10, 45, 41
    d.box(90, 286, 200, 36, "the token's row x", "plain")
    d.arrow(190, 286, 190, 266)
    d.box(90, 230, 200, 34, "router", "accent")
    for index, score in enumerate(SCORES):
        x = left + pitch * index
        at_work = index in share_of
        d.cells(x, 178, [score], wide, 26, "output" if at_work else "muted", [0.3 if at_work else 0], text_size=13)
        d.box(x, 104, wide, 48, f"{index + 1}", "accent" if at_work else "muted")
        middle = x + wide / 2
        if at_work:
            d.arrow(middle, 178, middle, 154)
            d.arrow(middle, 104, 190 + (14 if middle > 190 else -14), 50, stroke=1 + 5 * share_of[index])
            d.text(middle + (12 if middle > 190 else -12), 94, f"{share_of[index]:.0%}", 14, "c1", "middle", 700)
    d.arrow(190, 230, 190, 206)
    d.text(202, 224, "a score for each expert", 13, "muted")
    d.box(90, 14, 200, 34, "added by their shares", "plain")
    return d.svg()
