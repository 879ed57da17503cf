"""A watch over the loss: notice early that a training fails, and keep what was good."""

import math
import statistics
from collections import deque

SPAN = 20  # steps whose median is compared: single batches are easy or hard by luck
TOO_FAR = 1.0  # nats above the best; only a training that has failed climbs so far
SUSPECT = 0.3  # nats above the best; not to be saved over what was good


class LossWatch:
    """Sees the loss of every step, and says when it cannot get well any more.

    What it compares with is the run's own best so far, and the uniform guess.
    """

    def __init__(self, uniform_loss: float | None, warmup_steps: int) -> None:
        """uniform_loss is ln V, in nats: what a model has that knows nothing.

        Without one it only looks on: nothing is a problem, and all is sound.
        """
        self.uniform_loss = uniform_loss
        self.patience = 2 * warmup_steps + SPAN
        self.recent: deque[float] = deque(maxlen=SPAN)
        self.best = math.inf
        self.num_seen = 0

    def problem_after(self, loss: float) -> str:
        """Take in the loss of a step (nats); what is wrong, or "" if nothing is."""
        if self.uniform_loss is None:
            return ""
        self.num_seen += 1
        self.recent.append(loss)
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        if len(self.recent) < SPAN:
            return ""
        middle = self.middle
        self.best = min(self.best, middle)
        if middle > self.best + TOO_FAR:
            return f"the loss has climbed to {middle:.2f}, from {self.best:.2f}"
        if self.num_seen > self.patience and middle > self.uniform_loss + TOO_FAR / 2:
            return (
                f"the loss is {middle:.2f}, and a uniform guess "
                f"has {self.uniform_loss:.2f}"
            )
        return ""

    @property
    def middle(self) -> float:
        """The median of the last losses."""
        return statistics.median(self.recent)

    @property
    def is_sound(self) -> bool:
        """Whether the weights are worth saving over those that were saved before."""
        if not self.recent:
            return True
        if not math.isfinite(self.recent[-1]):
            return False
        return self.best == math.inf or self.middle <= self.best + SUSPECT
