"""What every recipe has: its word, its steps, its seed."""

import math
from dataclasses import dataclass, fields

LARGEST_NUMBER = 2**32 - 1  # of seeds and sizes; more would not fit where they go


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What every training run needs to know."""

    name: str
    """The word for it on the command line, such as city-bigram."""
    num_steps: int
    """How many steps it has; in most, the model is moved downhill once."""
    seed: int = 0
    """Draws the numbers that the model starts from, and the batches."""

    def __post_init__(self) -> None:
        """Raises ValueError, which names the field, for a value that cannot be."""
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in ("seed", "window") else 1
            if isinstance(value, int) and not least <= value <= LARGEST_NUMBER:
                raise ValueError(
                    f"{field.name} is {value}: give {least} to {LARGEST_NUMBER}"
                )
            if field.name.endswith("_rate") and not 0 < value < math.inf:
                raise ValueError(
                    f"{field.name} is {value}: give a number above 0, such as 0.003"
                )
