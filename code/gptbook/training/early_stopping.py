"""Keep a run's best weights beside its last, and stop where it only gets worse.

Best is what had the lowest held-out loss. Its weights are a file of their own, which
the checkpoint names: both are of one save, and a kill between them changes neither.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from gptbook.files.whole_files import write_whole
from gptbook.training.checkpoint import (
    load_weights,
    restore_training,
    saving_in,
    weights_name,
)
from gptbook.training.curve import lowest
from gptbook.training.engine import Run
from gptbook.training.saved_run import SavedRun


@dataclass(frozen=True)
class BestWeights:
    """The weights of the step where a model was best."""

    step: int
    """After which step that was."""
    content: bytes
    """The weights as safetensors; empty in a process that does not save."""

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What a checkpoint says of them: the step, the file, its sha256."""
        digest = hashlib.sha256(self.content).hexdigest()
        name = weights_name(digest)
        return {"step": self.step, "weights": name, "weights_sha256": digest}


class EarlyStoppingRun(Run):
    """A run that keeps its best weights, and ends where they are long ago.

    It takes the steps of any other run. When it ends follows from what it measured, so
    that all of a team end at one step, and a run that was stopped ends where the other
    does.
    """

    patience = 0
    """After how many measurements in a row without a new best it ends; 0 for never."""
    patient_from = 0
    """After which step it begins to count: after the last at which rates rose again."""
    best: BestWeights | None = None
    """The best weights so far; None before the first measurement."""

    @property
    def best_step(self) -> int:
        """After which step the held-out loss was lowest, the first of equals; or 0."""
        return int(lowest(self.evaluations)["step"])

    @property
    def is_stopped_early(self) -> bool:
        """Whether it has measured long enough without a new best."""
        start = max(self.best_step, self.patient_from)
        since = [1 for each in self.evaluations if each["step"] > start]
        return 0 < self.patience <= len(since)

    @property
    def is_finished(self) -> bool:
        """Whether all steps are done, or no more will make it better."""
        return super().is_finished or self.is_stopped_early

    @property
    def is_best_kept(self) -> bool:
        """Whether the best weights are kept, and are others than the last."""
        return self.best is not None and self.best.step != self.step

    def training_step(self) -> float:
        """The same step; a new best is remembered, and saved when all else is."""
        loss = super().training_step()
        if self.new_held_out_loss is not None and self.best_step == self.step:
            with self.ledger.phase("saving"):
                self.best = self.weights_now()
        return loss

    def wrap(self) -> nn.Module:
        """The model as it is trained: compiled where that works, shared by the team.

        The engine asks whether there is one, and a compiled model, alone in its
        process, answers that with an error, as it has no length; a row of one has.
        """
        wrapped = super().wrap()
        if wrapped is self.model or isinstance(wrapped, DistributedDataParallel):
            return wrapped
        return nn.Sequential(wrapped)

    def weights_now(self) -> BestWeights:
        """The weights as they are; in a process that does not save, none."""
        content = save(plain_weights(self.model)) if self.team.leads else b""
        return BestWeights(self.step, content)

    def facts(self) -> dict[str, Any]:
        """What to save, and which file has the best weights if those are others."""
        if self.best is None or not self.is_best_kept:
            return super().facts()
        return {**super().facts(), "best": self.best.facts}

    def save(self, run_dir: Path) -> None:
        """Save the best weights, then the run, which names them.

        Raises OSError if that fails; what was saved before stays.
        """
        if self.team.leads and self.best is not None and self.is_best_kept:
            with self.ledger.phase("saving"), saving_in(run_dir):
                run_dir.mkdir(parents=True, exist_ok=True)
                path = run_dir / self.best.facts["weights"]
                if not path.exists():
                    write_whole(path, self.best.content)
        super().save(run_dir)

    def resume(self, saved: SavedRun) -> None:
        """Go on, bit for bit, where a run was saved; of an old one no best is kept.

        Raises ValueError as `Run.resume` does, or if the best weights are damaged.
        """
        super().resume(saved)
        if kept := saved.facts.get("best"):
            content = b""
            if self.team.leads:
                path = saved.run_dir / kept["weights"]
                load_weights(path, kept["weights_sha256"])  # checks the file
                content = path.read_bytes()
            self.best = BestWeights(kept["step"], content)
        elif self.step == self.best_step > 0:
            self.best = self.weights_now()

    def take_best(self) -> None:
        """Put the best weights into the model. The run is over then: no step follows.

        Only a process that saves has them.
        """
        if self.best is not None and self.best.content:
            restore_training(load(self.best.content), self.model)

    def report(self) -> Iterator[str]:
        """How good the best weights are, for a process that has taken them.

        The whole team measured them when they were the model's; nothing is measured
        now.
        """
        if self.best is None or not self.is_best_kept:
            yield from super().report()
            return
        losses = self.losses[: self.best.step]
        held_out_loss = lowest(self.evaluations)["held_out_loss"]
        yield from self.task.report(held_out_loss, losses)


def plain_weights(model: nn.Module) -> dict[str, Any]:
    """The weights of a model as a checkpoint names them, on the processor."""
    return {
        f"model.{name}": tensor.detach().cpu().contiguous()
        for name, tensor in model.state_dict().items()
    }


def with_best(saved: SavedRun) -> SavedRun:
    """A saved run as it was when it was best: to be used, not to go on with.

    Where its last weights are its best, or no others are kept, it is the same.
    Raises ValueError if they are damaged, FileNotFoundError if they are not there.
    """
    kept = saved.facts.get("best")
    if kept is None:
        return saved
    facts = {key: value for key, value in saved.facts.items() if key != "best"}
    measured = [e for e in facts["evaluations"] if e["step"] <= kept["step"]]
    facts |= {
        "step": kept["step"],
        "losses": facts["losses"][: kept["step"]],
        "evaluations": measured,
    }
    path = saved.run_dir / kept["weights"]
    tensors = load_weights(path, kept["weights_sha256"])
    best = replace(saved, tensors=tensors, facts=facts)
    best.check_trained()
    return best
