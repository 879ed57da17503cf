"""A training run and its folder: begin it, stop it, go on with it bit for bit, measure it."""

import copy
import hashlib
import math
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.checkpoint import load_checkpoint, restore_training, save_checkpoint, training_tensors
from gptbook.classifier import (
    IrisNet,
    accuracy,
    corrected_interval,
    cross_validate,
    iris_tensors,
)
from gptbook.datasets import city_names, read_names, split_names
from gptbook.loss import conditional_entropy, count_loss
from gptbook.ngram import NgramNet, context_windows, unique_contexts
from gptbook.recipes import ClassifierRecipe, NgramRecipe, Recipe
from gptbook.tokenizer import CharacterTokenizer
from gptbook.train import mean_surprise

FEWEST_NAMES = 20
SAVE_EVERY_SECONDS = 60.0


class Run(ABC):
    """A model on its way: what step it is at, and everything that the next step depends on.

    A step depends on the seed, on its own number and on the tensors, never on what this process did before;
    so a run that was stopped and went on ends in the same bits as one that was not.
    """

    recipe: Recipe
    model: nn.Module
    optimizer: torch.optim.Optimizer

    def __init__(self) -> None:
        self.step = 0
        self.losses: list[float] = []

    @abstractmethod
    def loss_at(self, step: int) -> Tensor:
        """The loss (nats) that this step goes downhill on."""

    @abstractmethod
    def rate_at(self, step: int) -> float:
        """The learning rate of this step."""

    @abstractmethod
    def data_facts(self) -> dict[str, Any]:
        """What the run's data are, as JSON can hold it: two runs on different data differ here."""

    @abstractmethod
    def measure(self) -> dict[str, float]:
        """How good the model is now, by name."""

    @property
    def is_finished(self) -> bool:
        """Whether all steps are done."""
        return self.step >= self.recipe.num_steps

    @property
    def num_parameters(self) -> int:
        """How many numbers the model learns."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def advance(self) -> float:
        """Take one step: forward, backward, downhill. Returns the loss (nats) before the step."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate_at(self.step)
        loss = self.loss_at(self.step)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.step += 1
        self.losses.append(loss.item())
        return self.losses[-1]

    def seconds_left(self) -> float:
        """Estimate how long the remaining steps take here, by taking three of them on a copy."""
        rehearsal = copy.deepcopy(self)
        rehearsal.advance()  # the first one also pays for setting up
        began = time.perf_counter()
        for _ in range(2):
            rehearsal.advance()
        return (time.perf_counter() - began) / 2 * (self.recipe.num_steps - self.step)

    def save(self, run_dir: Path) -> None:
        """Save the run. Raises OSError if the disk is full; what was saved before stays."""
        facts = {
            "kind": type(self.recipe).__name__,
            "recipe": asdict(self.recipe),
            "data": self.data_facts(),
            "step": self.step,
            "losses": self.losses,
        }
        save_checkpoint(run_dir, tensors=training_tensors(self.model, self.optimizer), facts=facts)

    def go_on_from(self, run_dir: Path) -> None:
        """Take over the state saved in a folder.

        Raises ValueError, which names the differences, if that run has another recipe or other data.
        """
        tensors, facts = load_checkpoint(run_dir)
        recipe, data = recipe_in(facts, run_dir), facts["data"]
        there, here = {**asdict(recipe), **data}, {**asdict(self.recipe), **self.data_facts()}
        changed = [name for name in {**there, **here} if there.get(name) != here.get(name)]
        if set(changed) - {"names_file"}:  # the names count, not where they lie
            shown = [
                f"{name} is {brief(there.get(name))} there and {brief(here.get(name))} here"
                for name in changed
                if not name.endswith(("_file", "_sha256"))
            ]
            raise ValueError(
                f"{run_dir} holds another run ({', '.join(shown) or 'its names have changed'}): "
                "go on with the same settings and data, or give another --run-dir"
            )
        restore_training(tensors, self.model, self.optimizer)
        self.step, self.losses = int(facts["step"]), list(facts["losses"])


class NamesRun(Run):
    """An n-gram net on its way to spelling names."""

    recipe: NgramRecipe
    model: NgramNet

    def __init__(self, recipe: NgramRecipe) -> None:
        """Read the names, split them, and start the net. Raises ValueError if there are too few names."""
        super().__init__()
        self.recipe = recipe
        self.names = names_for(recipe)
        self.training, self.held_out = split_names(self.names, recipe.held_out)
        self.tokenizer = CharacterTokenizer.from_texts(self.names)
        windows = context_windows(self.training, self.tokenizer, recipe.context_length)
        self.num_positions = len(windows[1])
        self.contexts, self.counts = unique_contexts(*windows, self.tokenizer.vocab_size)
        self.share_of_row = self.counts.sum(dim=1).double() / self.num_positions
        torch.manual_seed(recipe.seed)
        self.model = net_for(recipe, self.tokenizer)
        self.optimizer = torch.optim.Adam(self.model.parameters())

    def loss_at(self, step: int) -> Tensor:
        """All contexts at once where they are few; else a batch, drawn as often as they occur."""
        if len(self.contexts) <= self.recipe.batch_size:
            return count_loss(self.model(self.contexts), self.counts)
        generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + step)
        rows = torch.multinomial(
            self.share_of_row, self.recipe.batch_size, replacement=True, generator=generator
        )
        shares = self.counts[rows] / self.counts[rows].sum(dim=1, keepdim=True)
        return count_loss(self.model(self.contexts[rows]), shares)

    def rate_at(self, step: int) -> float:
        """Half a cosine, from the recipe's rate down to zero."""
        return self.recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * step / self.recipe.num_steps))

    def data_facts(self) -> dict[str, Any]:
        """The alphabet, which sampling needs, and a fingerprint of the names."""
        return {
            "alphabet": self.tokenizer.characters,
            "num_names": len(self.names),
            "longest_name": max(map(len, self.names)),
            "names_sha256": hashlib.sha256("\n".join(sorted(self.names)).encode()).hexdigest(),
        }

    def measure(self) -> dict[str, float]:
        """Losses in nats per position; the floor is the least training loss that this context allows."""
        c = self.recipe.context_length
        return {
            "held-out loss": self.surprise_at(self.held_out),
            "training loss": mean_surprise(self.model, *context_windows(self.training, self.tokenizer, c)),
            "floor": conditional_entropy(self.counts),
            "uniform guess": math.log(self.tokenizer.vocab_size),
        }

    def surprise_at(self, names: list[str]) -> float:
        """The mean surprise at these names, in nats per position. Raises ValueError for an unknown letter."""
        return mean_surprise(self.model, *context_windows(names, self.tokenizer, self.recipe.context_length))


class FlowersRun(Run):
    """The Iris net on its way to telling species apart. It learns from all 150 flowers."""

    recipe: ClassifierRecipe
    model: IrisNet

    def __init__(self, recipe: ClassifierRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.features, self.labels = iris_tensors()
        torch.manual_seed(recipe.seed)
        self.model = IrisNet()
        self.optimizer = torch.optim.Adam(self.model.parameters())

    def loss_at(self, step: int) -> Tensor:
        """All flowers at once."""
        return F.cross_entropy(self.model(self.features), self.labels)

    def rate_at(self, step: int) -> float:
        """The same at every step."""
        return self.recipe.learning_rate

    def data_facts(self) -> dict[str, Any]:
        """A fingerprint of the flowers."""
        numbers = self.features.numpy().tobytes() + self.labels.numpy().tobytes()
        return {"num_flowers": len(self.labels), "flowers_sha256": hashlib.sha256(numbers).hexdigest()}

    def measure(self) -> dict[str, float]:
        """Accuracy on flowers seen in training, and cross-validated on unseen ones, with its interval."""
        accuracies = cross_validate(
            self.features,
            self.labels,
            seed=self.recipe.seed,
            num_steps=self.recipe.num_steps,
            learning_rate=self.recipe.learning_rate,
        )
        low, high = corrected_interval(accuracies)
        return {
            "seen accuracy": accuracy(self.model, self.features, self.labels),
            "accuracy": accuracies.mean().item(),
            "low": low,
            "high": high,
        }


def brief(value: object) -> str:
    """A value as a sentence can hold it."""
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def names_for(recipe: NgramRecipe) -> list[str]:
    """The names that a recipe learns from. Raises ValueError if its file has too few of them."""
    if not recipe.names_file:
        return city_names()
    names = read_names(recipe.names_file, recipe.column)
    if len(names) < FEWEST_NAMES:
        raise ValueError(
            f'column "{recipe.column}" of {recipe.names_file} has {len(names)} different names: '
            f"give at least {FEWEST_NAMES}, better {FEWEST_NAMES * 25} or more"
        )
    return names


def net_for(recipe: NgramRecipe, tokenizer: CharacterTokenizer) -> NgramNet:
    """A new net of the recipe's sizes."""
    return NgramNet(tokenizer.vocab_size, recipe.context_length, recipe.embedding_dim, recipe.hidden_dim)


def new_run(recipe: Recipe) -> Run:
    """A run at its very beginning."""
    if isinstance(recipe, NgramRecipe):
        return NamesRun(recipe)
    assert isinstance(recipe, ClassifierRecipe)
    return FlowersRun(recipe)


def recipe_in(facts: dict[str, Any], run_dir: Path) -> Recipe:
    """The recipe that a checkpoint's facts hold. Raises ValueError if they are not a training run's."""
    kinds = {kind.__name__: kind for kind in (NgramRecipe, ClassifierRecipe)}
    try:
        if not (isinstance(facts["step"], int) and isinstance(facts["losses"], list) and facts["data"]):
            raise TypeError("no run")
        return kinds[facts["kind"]](**facts["recipe"])
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{run_dir} holds a checkpoint, but not of a training run ({error}): give a folder that "
            "gptbook train made"
        ) from None


def load_run(run_dir: Path) -> Run:
    """The run in a folder, with its data, at the step where it was saved.

    Raises ValueError if the folder holds no run, or its data have changed since.
    """
    _, facts = load_checkpoint(run_dir)
    run = new_run(recipe_in(facts, run_dir))
    run.go_on_from(run_dir)
    return run


def load_speller(run_dir: Path) -> tuple[NgramNet, CharacterTokenizer, NgramRecipe, int]:
    """What writing names needs: net, tokenizer, recipe, and the length of the longest name it learned from.

    Raises ValueError if the folder holds no run, or one that does not write names.
    """
    tensors, facts = load_checkpoint(run_dir)
    recipe = recipe_in(facts, run_dir)
    if not isinstance(recipe, NgramRecipe):
        raise ValueError(
            f"{run_dir} holds a run of {recipe.name}, which writes no names: "
            "give a run of city-bigram or another recipe for names"
        )
    tokenizer = CharacterTokenizer(facts["data"]["alphabet"])
    net = net_for(recipe, tokenizer)
    restore_training(tensors, net)
    return net, tokenizer, recipe, int(facts["data"]["longest_name"])


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Let the first Ctrl-C set the event, so that a step ends whole; the second one interrupts."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # Python delivers signals to the main thread only
        return
    before = signal.getsignal(signal.SIGINT)

    def on_interrupt(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def train_run(run: Run, run_dir: Path, after_step: Callable[[Run], None]) -> None:
    """Train until the end or Ctrl-C; save at the start, now and then, and at the end.

    Saving before the first step finds a full disk before an hour of work, not after.
    """
    with stop_on_interrupt() as stop:
        run.save(run_dir)
        saved_at = time.monotonic()
        while not run.is_finished and not stop.is_set():
            run.advance()
            after_step(run)
            if time.monotonic() - saved_at > SAVE_EVERY_SECONDS:
                run.save(run_dir)
                saved_at = time.monotonic()
        run.save(run_dir)
