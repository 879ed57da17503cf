"""A training run and its folder: begin, stop, and go on bit for bit."""

import copy
import signal
import statistics
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gptbook.files.json_files import brief
from gptbook.tasks.saved_run import recipe_in
from gptbook.training.checkpoint import (
    load_checkpoint,
    restore_training,
    save_checkpoint,
    training_tensors,
)
from gptbook.training.recipe import Recipe
from gptbook.training.seeds import seeded

SAVE_EVERY_SECONDS = 60.0
PAUSE_PER_SAVE = 50.0  # times as long as saving takes


class Run(ABC):
    """A model on its way: the step it is at, and all that the next step depends on.

    A step depends on the seed, on its own number and on the tensors, never on what this
    process did before. So a run that was stopped and one that was not end in the same
    bits.
    """

    recipe: Recipe
    model: nn.Module
    optimizer: torch.optim.Optimizer
    advice = "go on with the same settings and data, or give another --run-dir"
    """What to do if a folder holds a run with another recipe or data."""

    def __init__(self) -> None:
        self.step = 0
        self.losses: list[float] = []

    @abstractmethod
    def loss_at(self, step: int) -> Tensor:
        """The loss (nats) that this step goes downhill on, as a tensor of shape ().

        Chance in it comes from PyTorch's global generator, which `advance` seeds anew.
        """

    @abstractmethod
    def rate_at(self, step: int) -> float:
        """The learning rate of this step, or its share of the optimizer's own rates."""

    @abstractmethod
    def data_facts(self) -> dict[str, Any]:
        """What the data are, as JSON can hold it: other data differ here."""

    @abstractmethod
    def describe(self) -> Iterator[str]:
        """What is trained on what, line by line, for the reader."""

    @abstractmethod
    def report(self) -> Iterator[str]:
        """How good the model is now, line by line, for the reader."""

    def extra_facts(self) -> dict[str, Any]:
        """What else to save, as JSON can hold it."""
        return {}

    @property
    def is_sound(self) -> bool:
        """Whether the weights are worth saving over those that were saved before."""
        return True

    def agrees_to_stop(self, wants: bool) -> bool:
        """Whether to stop, if this process wants to or not; a team decides as one."""
        return wants

    @property
    def is_finished(self) -> bool:
        """Whether all steps are done."""
        return self.step >= self.recipe.num_steps

    @property
    def num_parameters(self) -> int:
        """How many numbers the model learns."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def advance(self) -> float:
        """Take one step: forward, backward, downhill. Returns the loss before it."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate_at(self.step) * group.get("rate", 1.0)
        self.model.train()
        with seeded(self.recipe.seed * 1_000_003 + self.step):
            loss = self.loss_at(self.step)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.model.eval()
        self.step += 1
        self.losses.append(loss.item())
        return self.losses[-1]

    def seconds_left(self) -> float:
        """How long the steps to come will take here, judged by a few on a copy."""
        rehearsal = copy.deepcopy(self)
        rehearsal.advance()  # the first one also pays for setting up
        seconds: list[float] = []
        while len(seconds) < 9 and sum(seconds) < 2:
            began = time.perf_counter()
            rehearsal.advance()
            seconds.append(time.perf_counter() - began)
        return statistics.median(seconds) * (self.recipe.num_steps - self.step)

    def save(self, run_dir: Path) -> None:
        """Save the run. Raises OSError if that fails; what was saved before stays."""
        facts = {
            "kind": type(self.recipe).__name__,
            "recipe": asdict(self.recipe),
            "data": self.data_facts(),
            "step": self.step,
            "losses": self.losses,
            **self.extra_facts(),
        }
        tensors = training_tensors(self.model, self.optimizer)
        save_checkpoint(run_dir, tensors=tensors, facts=facts)

    def go_on_from(self, run_dir: Path) -> None:
        """Take over the state that was saved in a folder.

        Raises ValueError, with the differences, if that run has another recipe or data.
        """
        self.take_over(*load_checkpoint(run_dir), run_dir)

    def take_over(
        self, tensors: dict[str, Tensor], facts: dict[str, Any], run_dir: Path
    ) -> None:
        """The same, with what was loaded from the folder already."""
        used = recipe_in(facts, run_dir)
        if type(used) is not type(self.recipe):
            raise ValueError(
                f"{run_dir} holds a run of {used.name}, not of {self.recipe.name}: "
                "give another --run-dir"
            )
        there = {**facts["data"], **asdict(used)}
        here = {**self.data_facts(), **asdict(self.recipe)}
        # The names or the text count, not where the file with them lies.
        changed = [
            name
            for name in {**there, **here}
            if there.get(name) != here.get(name) and name not in ("names_file", "data")
        ]
        if changed:
            shown = "; ".join(
                f"{name} is {brief(there, name)} there, {brief(here, name)} here"
                for name in changed
                if not name.endswith("_sha256")
            )
            raise ValueError(
                f"{run_dir} holds another run ({shown or 'its data have changed'}): "
                f"{self.advice}"
            )
        restore_training(tensors, self.model, self.optimizer)
        self.step, self.losses = facts["step"], facts["losses"]


def check_trained(tensors: Mapping[str, Tensor], run_dir: Path) -> None:
    """Raise ValueError if a number of a run is NaN or infinite: its training failed."""
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            plain = name.removeprefix("model.")
            raise ValueError(
                f"the run in {run_dir} has failed, {plain} is not finite: "
                "train anew in another folder"
            )


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Let Ctrl-C set the event, so that a step ends whole; a second one stops.

    A rented machine that is taken back sends SIGTERM, and a window that is closed
    SIGHUP, which do the same; `nohup` has SIGHUP ignored, and it stays so.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # Python hands signals to the main thread only
        return
    signals = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)  # Windows knows none
    if hang_up and signal.getsignal(hang_up) is not signal.SIG_IGN:
        signals.append(hang_up)
    before = {number: signal.getsignal(number) for number in signals}

    def put_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def on_interrupt(number: int, frame: object) -> None:
        stop.set()
        put_back()

    for number in signals:
        signal.signal(number, on_interrupt)
    try:
        yield stop
    finally:
        put_back()


def train_run(run: Run, run_dir: Path, after_step: Callable[[Run], None]) -> None:
    """Train to the end or to Ctrl-C; save at the start, now and then, and at the end.

    Saving before the first step finds a full disk before an hour of work, not after.
    Where after_step cannot show any more how it goes, as its window was closed, what
    was learned is saved before its OSError goes on.
    """
    unseen: OSError | None = None
    with stop_on_interrupt() as stop:
        pause = save_timed(run, run_dir)
        saved_at = time.monotonic()
        while not run.is_finished and not run.agrees_to_stop(stop.is_set()):
            run.advance()
            try:
                after_step(run)
            except OSError as error:
                unseen = error
                stop.set()
            if time.monotonic() - saved_at > pause and run.is_sound:
                pause = save_timed(run, run_dir)
                saved_at = time.monotonic()
        if run.is_sound or run.is_finished:
            run.save(run_dir)
    if unseen is not None:
        raise unseen


def save_timed(run: Run, run_dir: Path) -> float:
    """Save a run, and say after how many seconds to do so again.

    A model that takes long to save is saved less often.
    """
    began = time.monotonic()
    run.save(run_dir)
    return max(SAVE_EVERY_SECONDS, PAUSE_PER_SAVE * (time.monotonic() - began))
