"""A GPT that learns from a text: one step, on one device or on many, in any precision.

A step depends on the recipe and on its own number only: the corpus gives its windows,
the model logits, the loss nats per token; then backward, clip, and the optimizer steps.
"""

import math
import statistics
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from gptbook.data.batches import check_long_enough
from gptbook.data.corpus import Corpus, open_corpus
from gptbook.data.tokenizer_files import save_tokenizer_file
from gptbook.machine.device import Machine, this_machine, timed, try_to_compile
from gptbook.machine.ledger import Ledger, save_sessions
from gptbook.machine.team import Team
from gptbook.models.gpt import GPT
from gptbook.models.modern import ModernGPT
from gptbook.tasks.recipes import TextRecipe
from gptbook.tasks.text_model import fitting_rows, optimizer_for, text_model
from gptbook.training.checkpoint import saving_in
from gptbook.training.curve import write_curve
from gptbook.training.loss import bits_per_byte, next_token_loss
from gptbook.training.optim import warmup_then_decay
from gptbook.training.run import Run
from gptbook.training.seeds import seeded
from gptbook.training.watch import LossWatch


class TextRun(Run):
    """A GPT on its way to going on with a text."""

    recipe: TextRecipe
    model: GPT | ModernGPT

    def __init__(
        self,
        recipe: TextRecipe,
        corpus: Corpus | None = None,
        machine: Machine | None = None,
        *,
        team: Team | None = None,
        rows_at_once: int = 0,
        compiles: bool = False,
        ledger: Ledger | None = None,
    ) -> None:
        """Open the text, start the model.

        rows_at_once is how many windows one device works on at a time, 0 for as many as
        fit; the step is the same. Raises ValueError if the text is too short for the
        context, or the batch cannot be shared out evenly.
        """
        super().__init__()
        self.recipe = recipe
        self.corpus = corpus or open_corpus(Path(recipe.data))
        self.machine = machine or this_machine()
        self.team = team or Team()
        self.ledger = ledger or Ledger()
        self.compiles = compiles
        check_long_enough(len(self.corpus.training), recipe.context_length)
        check_long_enough(len(self.corpus.held_out), recipe.context_length)
        vocab_size = self.corpus.vocab_size
        self.rows_at_once = fitting_rows(
            recipe, vocab_size, self.machine, self.team, rows_at_once
        )
        with seeded(recipe.seed):
            model = text_model(recipe, vocab_size)
        self.model = model.to(self.machine.device)
        self.optimizer = optimizer_for(recipe, self.model)
        self.watch = LossWatch(math.log(vocab_size), recipe.warmup_steps)
        self.evaluations: list[dict[str, float]] = []
        self.wrapped: nn.Module | None = None
        self.note = ""  # why it was not compiled

    @property
    def num_parts(self) -> int:
        """In how many parts this device works through its share of a step's batch."""
        return self.recipe.batch_size // (self.team.size * self.rows_at_once)

    def advance(self) -> float:
        """One step: forward, backward, clip, downhill. Returns the loss before it.

        Every evaluate_every steps, and at the end, the held-out loss is measured.
        Raises ValueError if the training has failed; nothing is saved then.
        """
        if self.wrapped is None:
            with self.ledger.phase("compiling"):
                self.wrapped = self.wrap()
        with self.ledger.phase("training"):
            loss = self.step_downhill()
        self.step += 1
        self.losses.append(loss)
        problem = self.watch.see(loss)
        if problem:
            raise ValueError(
                f"step {self.step}: {problem}; the last good checkpoint is kept: train "
                "again with half the rates (--rate-scale 0.5) in another --run-dir"
            )
        if self.step % self.recipe.evaluate_every == 0 or self.is_finished:
            with self.ledger.phase("evaluating"):
                held_out = self.held_out_loss()
            self.evaluations.append({"step": self.step, "held_out_loss": held_out})
        return loss

    def step_downhill(self) -> float:
        """Add up the gradients of all parts, then move once. Returns the mean loss."""
        self.model.train()
        total = torch.zeros((), device=self.machine.device)
        luck = (self.recipe.seed * 1_000_003 + self.step) * 1_009 + self.team.rank
        with seeded(luck):
            for part in range(self.num_parts):
                total += self.go_back(part)
        self.move()
        self.model.eval()
        return self.team.mean(total.item())

    def go_back(self, part: int) -> Tensor:
        """Forward and backward for one part; its share of the loss, of shape ()."""
        loss = self.loss_of(part) / self.num_parts  # so that the parts average
        with self.apart_until(is_last=part == self.num_parts - 1):
            loss.backward()
        return loss.detach()

    def move(self) -> None:
        """Clip the gradient, move every parameter once, and forget the gradient."""
        share = self.rate_at(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * share
        longest = self.recipe.max_gradient_norm
        nn.utils.clip_grad_norm_(self.model.parameters(), longest)
        with self.machine.computing():
            self.optimizer.step()
        self.optimizer.zero_grad()

    def loss_at(self, step: int) -> Tensor:
        """The loss of a whole batch at once, as the small runs have it."""
        inputs, targets = self.batch(step, slice(None))
        return next_token_loss(self.model(inputs), targets)

    def loss_of(self, part: int) -> Tensor:
        """The loss of a part of this step's batch, as a tensor of shape ()."""
        assert self.wrapped is not None
        # Parts go round the team, so one process takes the same as two with half.
        first = (part * self.team.size + self.team.rank) * self.rows_at_once
        rows = slice(first, first + self.rows_at_once)
        inputs, targets = self.batch(self.step, rows)
        with self.machine.computing():
            logits = self.wrapped(inputs)
        return next_token_loss(logits.float(), targets)

    def batch(self, step: int, rows: slice) -> tuple[Tensor, Tensor]:
        """Inputs and targets on the device. Shapes: (B, T)."""
        sizes = (self.recipe.context_length, self.recipe.batch_size)
        batch = self.corpus.batch(*sizes, step, self.recipe.seed, rows)
        return batch[0].to(self.machine.device), batch[1].to(self.machine.device)

    def wrap(self) -> nn.Module:
        """The model as it is trained: compiled where that works, shared by the team."""
        model: Any = self.model
        if self.compiles:
            example, _ = self.batch(0, slice(0, self.rows_at_once))
            model, self.note = try_to_compile(self.model, example, self.machine)
        return self.team.shared(model, self.machine.device)

    def apart_until(self, is_last: bool) -> AbstractContextManager[Any]:
        """Let the team average gradients once a step, not once a part."""
        if is_last or not isinstance(self.wrapped, DistributedDataParallel):
            return nullcontext()
        return self.wrapped.no_sync()

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """The mean surprise at held-out text, in nats per token, on fixed windows."""
        self.model.eval()
        sizes = (self.recipe.context_length, self.recipe.num_windows)
        inputs, targets = self.corpus.held_out_windows(*sizes)
        total = 0.0
        mine = torch.arange(len(inputs))[self.team.rank :: self.team.size]
        # Of no windows, `split` would make one part, whose mean is no number.
        for rows in mine.split(self.rows_at_once) if len(mine) else ():
            with self.machine.computing():
                logits = self.model(inputs[rows].to(self.machine.device))
            asked = targets[rows].to(self.machine.device)
            total += next_token_loss(logits.float(), asked).item() * len(rows)
        return self.team.total(total) / len(inputs)

    def rehearse(self) -> tuple[float, float]:
        """How long a step and a measurement take here, in seconds: parts, on a copy."""
        fitting = (len(self.corpus.held_out) - 1) // self.recipe.context_length
        num_windows = min(self.recipe.num_windows, fitting)
        few = replace(self.recipe, num_windows=min(num_windows, self.rows_at_once))
        copy = TextRun(few, self.corpus, self.machine, rows_at_once=self.rows_at_once)
        copy.wrapped = copy.model.train()
        copy.step_downhill() if copy.num_parts == 1 else copy.go_back(0)  # to set up
        parts: list[float] = []
        moves: list[float] = []
        while len(parts) < 3 or (sum(parts) + sum(moves) < 3 and len(parts) < 50):
            parts.append(timed(partial(copy.go_back, 0), self.machine))
            moves.append(timed(copy.move, self.machine))
        step = statistics.median(parts) * copy.num_parts + statistics.median(moves)
        measurement = timed(copy.held_out_loss, self.machine)
        return step, measurement * num_windows / few.num_windows

    def seconds_left(self) -> float:
        """How long the rest will take here; -1 on a GPU, where no copy has room."""
        if self.machine.kind == "cuda" or self.team.size > 1:
            return -1.0
        step, measurement = self.rehearse()
        rest = self.recipe.num_steps - self.step
        return rest * step + math.ceil(rest / self.recipe.evaluate_every) * measurement

    def rate_at(self, step: int) -> float:
        """The share of the full rates: up in a line, then down to zero."""
        return warmup_then_decay(step, self.recipe.num_steps, self.recipe.warmup_steps)

    @property
    def is_sound(self) -> bool:
        """Whether the weights are worth saving."""
        return self.watch.is_sound

    def agrees_to_stop(self, wants: bool) -> bool:
        """Whether one of the team wants to stop: then all stop at once."""
        return self.team.any(wants)

    def save(self, run_dir: Path) -> None:
        """Save the run, its tokenizer, and its curve as a table; only one of a team."""
        if not self.team.leads:
            return
        with self.ledger.phase("saving"):
            super().save(run_dir)
            with saving_in(run_dir):
                save_tokenizer_file(run_dir, self.corpus.tokenizer)
                write_curve(run_dir, self.recipe, self.losses, self.evaluations)
        with saving_in(run_dir):
            save_sessions(run_dir, self.ledger)

    def data_facts(self) -> dict[str, Any]:
        """Which text it is, by what it holds, not by where it lies."""
        names = ("name", "vocab_size", "training_tokens", "bytes_per_token")
        digests = ("training_sha256", "held_out_sha256", "tokenizer_sha256")
        return {key: self.corpus.facts[key] for key in (*names, *digests)}

    def extra_facts(self) -> dict[str, Any]:
        """The measurements, and what the bits of the result depend on besides."""
        return {
            "evaluations": self.evaluations,
            "machine": {
                "name": self.machine.name,
                "precision": self.machine.precision,
                "processes": self.team.size,
                "rows_at_once": self.rows_at_once,
            },
        }

    def take_over(
        self, tensors: dict[str, Tensor], facts: dict[str, Any], run_dir: Path
    ) -> None:
        """Go on where a run was, its measurements and the watch included."""
        super().take_over(tensors, facts, run_dir)
        self.evaluations = facts["evaluations"]
        for loss in self.losses:
            self.watch.see(loss)

    def describe(self) -> Iterator[str]:
        """The model, the text, and how it is computed."""
        recipe, corpus = self.recipe, self.corpus
        yield (
            f"{recipe.name}: a GPT in the {recipe.form} form, {recipe.num_layers} "
            f"blocks of {recipe.model_dim}, that sees {recipe.context_length:,} tokens"
        )
        yield (
            f"  learns from {len(corpus.training):,} tokens of {corpus.facts['name']}, "
            f"{recipe.num_tokens / len(corpus.training):.1f} times; "
            f"{len(corpus.held_out):,} others are kept to measure with"
        )
        on = self.machine
        yield f"  computes on {on.name} ({on.device}) in {on.precision}"
        if self.team.size > 1 or self.num_parts > 1:
            yield f"  {self.rows_at_once} windows at once on each of {self.team.size}"

    def report(self) -> Iterator[str]:
        """The losses, and what to compare them with."""
        loss = self.held_out_loss()
        bits = bits_per_byte(loss, self.corpus.bytes_per_token)
        uniform = math.log(self.corpus.vocab_size)
        yield (
            f"  held-out loss  {loss:.3f} nats per token, {bits:.3f} bits per byte, "
            f"on text that it never saw (uniform guess: {uniform:.3f} nats)"
        )
        if last := self.losses[-50:]:
            mean = statistics.fmean(last)
            yield f"  training loss  {mean:.3f} over the last {len(last)} steps"
