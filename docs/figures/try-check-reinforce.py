"""One row, eight answers to it, each with its reward and what it did better or worse than the average."""

from __future__ import annotations

import torch

from bookbuild.drawings.draw import Drawing
from gptbook.data.arithmetic import displays, strict_check
from gptbook.training.policy_gradient import advantages_of

ROW = "3+4*2+1"
WRITTEN = (
    "745.",
    "3.",
    "748.",
    "5.",
    "8.",
    "2.",
    "7.",
    "734.",
)  # made up, as a model might write them
TOP, PITCH = 76, 33


def figure() -> str:
    """Return the drawing as SVG; the package checks the answers and reckons their advantages."""
    rewards = torch.tensor([[float(strict_check(ROW, text)) for text in WRITTEN]])
    advantages = advantages_of(rewards, "group")[0].tolist()
    mean = rewards.mean().item()
    right = int(rewards.sum())
    d = Drawing(
        380,
        TOP + PITCH * len(WRITTEN) + 42,
        f"Eight answers to {ROW}, whose displays are {', '.join(displays(ROW))}. {right} are right and have the reward "
        f"1, the others 0; the average is {mean:.2f}. So the right ones have the advantage {max(advantages):+.2f} and "
        f"become likelier, the others {min(advantages):+.2f} and become less likely.".replace(
            "-", "\N{MINUS SIGN}"
        ),
    )
    d.text(190, 18, f"{ROW}=", 17, anchor="middle", weight=600)
    for x, words in ((50, "written"), (168, "reward"), (292, "better than average by")):
        d.text(x, 52, words, 13, "muted", "middle")
    d.line(292, TOP - 8, 292, TOP + PITCH * len(WRITTEN) - 6, "gray", stroke=1)
    for index, (text, reward, advantage) in enumerate(
        zip(WRITTEN, rewards[0].tolist(), advantages, strict=True)
    ):
        y = TOP + PITCH * index
        good = reward > 0
        d.cells(8, y, list(text), 22, 24, "data", text_size=15)
        d.arrow(104, y + 12, 142, y + 12, kind="gray")
        d.centred(168, y + 12, f"{reward:.0f}", 16, "c2" if good else "muted", 700)
        wide = 80 * abs(advantage)
        d.rect(
            292 if good else 292 - wide,
            y + 3,
            wide,
            18,
            "c2" if good else "c1",
            2,
            0.35,
            1.2,
        )
        said = f"{advantage:+.2f}".replace("-", "\N{MINUS SIGN}")
        d.text(
            286 if good else 298,
            y + 17,
            said,
            14,
            "c2" if good else "c1",
            "end" if good else "start",
            600,
        )
    d.text(
        190,
        TOP + PITCH * len(WRITTEN) + 26,
        f"average reward: {right} / {len(WRITTEN)} = {mean:.2f}",
        14,
        "ink",
        "middle",
    )
    return d.svg()
