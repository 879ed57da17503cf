"""The engine: one training step of whatever is trained, on one device or on many.

A step depends on the recipe and on its own number only. The task gives the loss of each
part of the batch; then backward, clip, and the optimizer moves every parameter once.
"""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from gptbook.machine.device import Machine, this_machine, try_to_compile
from gptbook.machine.ledger import Ledger, save_sessions
from gptbook.machine.team import Team
from gptbook.training.checkpoint import (
    restore_training,
    save_checkpoint,
    saving_in,
    training_tensors,
)
from gptbook.training.curve import write_curve
from gptbook.training.saved_run import SavedRun
from gptbook.training.seeds import seeded
from gptbook.training.task import Task
from gptbook.training.watch import LossWatch

ONE_OF_A_TEAM = 2**52  # more than any seed times its factor: no two draw the same


class Run:
    """A task on its way: the step it is at, and all that the next step depends on."""

    advice = "go on with the same settings and data, or give another --run-dir"
    """What to do if a folder holds a run with another recipe or data."""

    def __init__(
        self,
        task: Task,
        machine: Machine | None = None,
        team: Team | None = None,
        ledger: Ledger | None = None,
        *,
        rows_at_once: int = 0,
        compiles: bool = False,
    ) -> None:
        """At the very beginning; without a machine on the processor, in float32.

        rows_at_once is how many rows of a batch a device works on at a time, 0 for as
        many as fit; the step is the same. Raises ValueError if the batch cannot be
        shared out evenly.
        """
        self.task, self.recipe = task, task.recipe
        self.machine = machine or this_machine("cpu", "float32")
        self.team = team or Team()
        self.ledger = ledger or Ledger()
        self.compiles = compiles
        share = rows_for_each(task.num_rows, self.team.size, rows_at_once)
        self.rows_at_once = rows_at_once or task.rows_that_fit(
            share, self.machine.memory_bytes, self.machine.precision
        )
        task.place(self.machine.device)
        self.optimizer = task.new_optimizer()
        self.watch = LossWatch(task.uniform_loss, task.warmup_steps)
        self.step = 0
        self.losses: list[float] = []
        self.evaluations: list[dict[str, float]] = []
        self.wrapped: nn.Module | None = None
        self.note = ""  # why it was not compiled

    @property
    def model(self) -> nn.Module:
        """What is trained."""
        return self.task.model

    @property
    def num_parameters(self) -> int:
        """How many numbers the model learns."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def num_parts(self) -> int:
        """In how many parts this device works through its share of a step's batch."""
        return self.task.num_rows // (self.team.size * self.rows_at_once)

    @property
    def is_finished(self) -> bool:
        """Whether all steps are done."""
        return self.step >= self.recipe.num_steps

    @property
    def seed(self) -> int:
        """From what the chance of this step follows, in this process of the team."""
        own = self.recipe.seed * 1_000_003 + self.step
        return own + self.team.rank * ONE_OF_A_TEAM

    def training_step(self) -> float:
        """One step: forward, backward, clip, downhill. Returns the loss before it.

        Every evaluate_every steps, and at the end, the held-out loss is measured.
        Raises ValueError if the training has failed; nothing is saved then.
        """
        if self.wrapped is None:
            with self.ledger.phase("compiling"):
                self.wrapped = self.wrap()
        with self.ledger.phase("training"):
            loss = self.forward_backward()
            self.optimizer_step()
            self.losses.append(self.team.mean(loss.item()))
        if problem := self.watch.problem_after(self.losses[-1]):
            raise ValueError(
                f"step {self.step}: {problem}; the last good checkpoint is kept: train "
                "again in another --run-dir, a text with half the rates "
                "(--rate-scale 0.5)"
            )
        every = self.task.evaluate_every
        if every and (self.step % every == 0 or self.is_finished):
            held_out = self.evaluate()
            self.evaluations.append({"step": self.step, "held_out_loss": held_out})
        return self.losses[-1]

    @property
    def new_held_out_loss(self) -> float | None:
        """The held-out loss (nats), where it was measured after the step just taken."""
        last = self.evaluations[-1] if self.evaluations else {"step": 0}
        return last["held_out_loss"] if last["step"] == self.step > 0 else None

    def forward_backward(self) -> Tensor:
        """Add up the gradients of all parts. Returns their mean loss, of shape ()."""
        self.model.train()
        total = torch.zeros((), device=self.machine.device)
        with seeded(self.seed):
            for part in range(self.num_parts):
                total += self.forward_backward_part(part)
        return total

    def forward_backward_part(self, part: int) -> Tensor:
        """The same for one part; its share of the loss, of shape ()."""
        # Parts go round the team, so one process takes the same as two with half.
        first = (part * self.team.size + self.team.rank) * self.rows_at_once
        rows = slice(first, first + self.rows_at_once)
        with self.machine.computing():
            loss = self.task.loss(self.wrapped or self.model, self.step, rows)
        loss = loss / self.num_parts  # so that the parts average
        with self.apart_until(is_last=part == self.num_parts - 1):
            loss.backward()
        return loss.detach()

    def optimizer_step(self) -> None:
        """Clip the gradient, move every parameter once, and forget the gradient."""
        rate_scale = self.task.rate_scale(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * rate_scale
        longest = self.task.max_gradient_norm
        if longest is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), longest)
        with self.machine.computing():
            self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1

    def evaluate(self) -> float:
        """The mean surprise at what training never sees, in nats, over the whole team.

        NaN where nothing is held out.
        """
        if not self.task.num_held_out:
            return math.nan
        with self.ledger.phase("evaluating"), self.machine.computing():
            share = (self.rows_at_once, self.team.rank, self.team.size)
            total, number = self.task.held_out_loss(*share)
            return self.team.total(total) / self.team.total(number)

    def wrap(self) -> nn.Module:
        """The model as it is trained: compiled where that works, shared by the team."""
        model: Any = self.model
        if self.compiles:
            example = self.task.example(self.rows_at_once)
            model, self.note = try_to_compile(self.model, example, self.machine)
        return self.team.shared(model, self.machine.device)

    def apart_until(self, is_last: bool) -> AbstractContextManager[Any]:
        """Let the team average gradients once a step, not once a part."""
        if is_last or not isinstance(self.wrapped, DistributedDataParallel):
            return nullcontext()
        return self.wrapped.no_sync()

    def facts(self) -> dict[str, Any]:
        """What to save beside the tensors, as JSON can hold it."""
        return {
            "kind": type(self.recipe).__name__,
            "recipe": asdict(self.recipe),
            "data": self.task.data_facts(),
            "step": self.step,
            "losses": self.losses,
            "evaluations": self.evaluations,
            "machine": {
                "name": self.machine.name,
                "precision": self.machine.precision,
                "processes": self.team.size,
                "rows_at_once": self.rows_at_once,
            },
        }

    def save(self, run_dir: Path) -> None:
        """Save the run, with its curve and its receipt; only one of a team does.

        Raises OSError if that fails; what was saved before stays.
        """
        if not self.team.leads:
            return
        with self.ledger.phase("saving"):
            tensors = training_tensors(self.model, self.optimizer)
            save_checkpoint(run_dir, tensors=tensors, facts=self.facts())
            self.save_beside(run_dir)
        self.save_receipt(run_dir)

    def save_beside(self, run_dir: Path) -> None:
        """Write what lies beside a checkpoint, such as the tokenizer and the curve."""
        with saving_in(run_dir):
            self.task.save_beside(run_dir)
            rate_scales = map(self.task.rate_scale, range(self.step))
            tokens_per_step = self.task.tokens_per_step
            curve = (self.losses, self.evaluations, rate_scales, tokens_per_step)
            write_curve(run_dir, *curve)

    def save_receipt(self, run_dir: Path) -> None:
        """Write where the time went, up to now. Raises OSError if that fails."""
        with saving_in(run_dir):
            save_sessions(run_dir, self.ledger)

    def describe(self) -> Iterator[str]:
        """What is trained on what, and how it is computed, line by line."""
        yield from self.task.describe()
        on = self.machine
        yield f"  computes on {on.name} ({on.device}) in {on.precision}"
        if self.team.size > 1 or self.num_parts > 1:
            yield f"  {self.rows_at_once} windows at once on each of {self.team.size}"

    def report(self) -> Iterator[str]:
        """How good the model is now, line by line."""
        yield from self.task.report(self.evaluate(), self.losses)

    def resume(self, saved: SavedRun) -> None:
        """Go on, bit for bit, where a run was saved.

        Raises ValueError, with the differences, if that run has another recipe or data.
        """
        saved.check_same(self.recipe, self.task.data_facts(), self.advice)
        restore_training(saved.tensors, self.model, self.optimizer)
        self.step = saved.facts["step"]
        self.losses = list(saved.facts["losses"])
        self.evaluations = list(saved.facts.get("evaluations", []))
        for loss in self.losses:
            self.watch.problem_after(loss)


def rows_for_each(num_rows: int, team_size: int, at_once: int = 0) -> int:
    """How many rows of a step's batch each process of a team takes.

    Raises ValueError if the batch cannot be shared out so, or the share not be cut into
    parts of `at_once`.
    """
    if num_rows % team_size:
        raise ValueError(
            f"a batch of {num_rows} rows cannot be shared evenly by {team_size} "
            "processes: start another number of them"
            if num_rows > 1
            else "this recipe is for one process: start it without torchrun"
        )
    share = num_rows // team_size
    if at_once and (at_once < 0 or share % at_once):
        raise ValueError(
            f"--rows-at-once is {at_once}, and {share} rows for each process cannot "
            f"be cut into parts of {at_once}: give a number that divides {share}"
        )
    return share
