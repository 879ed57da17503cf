"""How the loss falls with the size of a model: a curve through a few, and beyond."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar, nnls

Numbers = NDArray[np.float64]

EXPONENTS = np.geomspace(0.01, 4, 60)  # below the curve is flat, above it a wall


@dataclass(frozen=True, kw_only=True)
class PowerLaw:
    """L(N) = floor + (scale / N) ** exponent: a loss in nats, N in parameters.

    Sources: Kaplan et al. 2020, without the floor; Hoffmann et al. 2022, with it.
    """

    floor: float
    """What no size takes away, in nats: the text's own surprise, and too few data."""
    scale: float
    """The size at which one nat is left above the floor."""
    exponent: float
    """Ten times the size divides what is left by 10 ** exponent."""

    def loss(self, size: float) -> float:
        """The loss, in nats, of a model with so many parameters."""
        return float(self.floor + (self.scale / size) ** self.exponent)


def fit_power_law(
    sizes: Sequence[float], losses: Sequence[float], with_floor: bool = True
) -> PowerLaw:
    """The law that misses the losses least, by the squares of its errors in percent.

    Once the exponent is chosen, the other two numbers follow from the losses exactly.
    So it is the only one to search for: the best of a few first, then between its
    neighbours. Without a floor the law is a straight line on axes of logs.
    Raises ValueError if there are too few sizes, or the losses do not fall.
    """
    n, measured = np.asarray(sizes, float), np.asarray(losses, float)
    check_losses(n, measured, with_floor)
    middle = float(np.exp(np.log(n).mean()))  # powers of N / middle are not huge

    def best_law(exponent: float) -> tuple[float, PowerLaw]:
        """The error that is left with this exponent, and its law."""
        columns = [(middle / n) ** exponent, np.full_like(n, with_floor)]
        shares = np.stack(columns, axis=1) / measured[:, None]  # (sizes, 2)
        # Not below 0, either of them; both together should make 1 for every size.
        (height, floor), error = nnls(shares, np.ones_like(n))
        scale = middle * float(height) ** (1 / exponent)
        return error, PowerLaw(floor=float(floor), scale=scale, exponent=exponent)

    first = int(np.argmin([best_law(exponent)[0] for exponent in EXPONENTS]))
    found = minimize_scalar(
        lambda exponent: best_law(exponent)[0],
        bounds=EXPONENTS[[max(first - 1, 0), min(first + 1, len(EXPONENTS) - 1)]],
        method="bounded",
        options={"xatol": 1e-10},
    )
    return best_law(float(found.x))[1]


def check_losses(sizes: Numbers, losses: Numbers, with_floor: bool) -> None:
    """Raise ValueError, in one sentence, if no law can be fitted to these."""
    if sizes.shape != losses.shape or sizes.ndim != 1:
        raise ValueError(
            f"there are {sizes.size} sizes and {losses.size} losses: "
            "give one loss for each size"
        )
    needed = 3 if with_floor else 2  # as many as the law has numbers
    if len(set(sizes.tolist())) < needed:
        raise ValueError(
            f"there are {len(set(sizes.tolist()))} different sizes, and a law of "
            f"{needed} numbers needs {needed}: train more sizes"
        )
    for name, values in (("size", sizes), ("loss", losses)):
        if not (np.isfinite(values) & (values > 0)).all():
            raise ValueError(f"a {name} is not above 0: a power law needs that")
    if losses[sizes.argmax()] >= losses[sizes.argmin()]:
        raise ValueError(
            "the largest model is no better than the smallest: "
            "there is no fall to fit, so train them longer, or with other rates"
        )


def single_run_laws(
    sizes: Sequence[float], losses: Sequence[Sequence[float]], with_floor: bool = True
) -> list[PowerLaw]:
    """The laws that one run per size could have given, in every choice of the runs.

    Where they differ, the answer hangs on the seeds. They are no probability.
    Shape: losses (sizes, seeds). Raises ValueError as `fit_power_law` does.
    """
    return [fit_power_law(sizes, chosen, with_floor) for chosen in product(*losses)]
