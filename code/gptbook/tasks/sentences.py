"""Sentences of clubs and their stadiums, however far apart the two are."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gptbook.data.clubs import ClubGrammar
from gptbook.data.sequences import padded, sequence_batch
from gptbook.data.tokenizer import WordTokenizer
from gptbook.files.nearest_word import quoted
from gptbook.files.text_files import nfc
from gptbook.generation.generate import draw_token
from gptbook.models.attention import AttentionModel
from gptbook.models.ngram import NgramNet, WindowModel
from gptbook.tasks.recipes import ClubsRecipe
from gptbook.training.loss import next_token_loss
from gptbook.training.measure import sequence_loss
from gptbook.training.optim import MuonAdamW, muon_groups, warmup_then_decay
from gptbook.training.seeds import seeded
from gptbook.training.task import Task

NEW_SENTENCES = 4000  # to measure on
LONGEST_SENTENCE = 200  # words; one in a million of the grammar's has as many


class ClubSentences(Task):
    """A model that learns to name the stadium of a club named long before."""

    recipe: ClubsRecipe
    model: AttentionModel | WindowModel

    def __init__(self, recipe: ClubsRecipe) -> None:
        """Write the sentences, start the model."""
        self.recipe = recipe
        self.warmup_steps = recipe.warmup_steps
        self.grammar = ClubGrammar()
        self.tokenizer = WordTokenizer(self.grammar.words)
        self.uniform_loss = math.log(self.tokenizer.vocab_size)
        sentences = self.grammar.sentences(recipe.num_sentences, seed=recipe.seed)
        with seeded(recipe.seed):
            self.model = clubs_model(recipe, self.tokenizer.vocab_size)
        self.inputs, self.targets = padded(
            [self.tokenizer.encode(words) for words in sentences]
        )

    def new_optimizer(self) -> torch.optim.Optimizer:
        """Muon for the matrices in blocks, if there are any, AdamW for all else."""
        rate = self.recipe.learning_rate
        return MuonAdamW(muon_groups(self.model, rate, rate))

    def loss(self, model: nn.Module, step: int, rows: slice) -> Tensor:
        """A batch of sentences, every position of each."""
        of_step = (step, self.recipe.batch_size, self.recipe.seed)
        batch, wanted = sequence_batch(self.inputs, self.targets, *of_step)
        return next_token_loss(model(batch), wanted)

    def rate_scale(self, step: int) -> float:
        """Up in a line, then down to zero."""
        return warmup_then_decay(step, self.recipe.num_steps, self.recipe.warmup_steps)

    def data_facts(self) -> dict[str, Any]:
        """The vocabulary, which names every club and stadium."""
        return {"words": self.grammar.words}

    def write(self, start: str, count: int, generator: torch.Generator) -> list[str]:
        """Sentences that begin so. Raises ValueError for a word it does not know."""
        return write_sentences(self.model, self.tokenizer, start, count, generator)

    def describe(self) -> Iterator[str]:
        """The model, and how many sentences it learns from."""
        window = self.recipe.window
        does = (
            f"a net that sees the last {window} words"
            if window
            else "attention that finds the club, however far back"
        )
        yield f"{self.recipe.name}: {does}"
        yield f"  learns from {self.recipe.num_sentences:,} sentences of a grammar"

    def report(self, held_out_loss: float, losses: Sequence[float]) -> Iterator[str]:
        """The loss beside the grammar's own, and the accuracy near and far."""
        new = self.grammar.sentences(NEW_SENTENCES, seed=self.recipe.seed + 1_000_000)
        loss = sequence_loss(
            self.model, *padded([self.tokenizer.encode(words) for words in new])
        )
        # Of just these sentences: by chance they can surprise less than the average.
        surprise = -sum(map(self.grammar.log_probability, new))
        floor = surprise / sum(len(words) + 1 for words in new)
        yield (
            f"  held-out loss  {loss:.3f} nats per position on new sentences "
            f"(the grammar that wrote them: {floor:.3f})"
        )
        for gap in (6, 10, 40):
            share = stadium_accuracy(self.model, self.tokenizer, self.grammar, gap)
            yield f"  right stadium   {share:.1%} with {gap} words in between"


def clubs_model(recipe: ClubsRecipe, vocab_size: int) -> AttentionModel | WindowModel:
    """A new model of the recipe's kind and sizes."""
    dim = recipe.model_dim
    if recipe.window:
        return WindowModel(NgramNet(vocab_size, recipe.window, dim, 2 * dim))
    return AttentionModel(vocab_size, dim, recipe.num_heads)


@torch.no_grad()
def stadium_accuracy(
    model: nn.Module,
    tokenizer: WordTokenizer,
    grammar: ClubGrammar,
    gap: int,
    num_sentences: int = 2000,
    seed: int = 1_000_000,
) -> float:
    """How often the likeliest next word is the right stadium, in new sentences.

    gap is the number of words between the club and its stadium.
    Raises ValueError for a gap that the grammar cannot write.
    """
    sentences = grammar.sentences(num_sentences, seed=seed, gap=gap)
    inputs, targets = padded([tokenizer.encode(words) for words in sentences])
    places = torch.tensor([grammar.stadium_position(words) for words in sentences])
    right = 0
    for rows in torch.arange(len(inputs)).split(256):
        logits = model(inputs[rows])[torch.arange(len(rows)), places[rows]]
        answers = targets[rows, places[rows]]
        right += int((logits.argmax(dim=-1) == answers).sum())
    return right / len(inputs)


@torch.no_grad()
def write_sentences(
    model: nn.Module,
    words: WordTokenizer,
    start: str,
    count: int,
    generator: torch.Generator,
) -> list[str]:
    """Sentences that begin with `start`, as the model writes them.

    Raises ValueError, which says where, for a start with a word that it does not know.
    """
    model.eval()
    begun = words.encode(split_at_words(nfc(start), words.words))
    sentences = []
    for _ in range(count):
        written = [0, *begun]
        while len(written) <= LONGEST_SENTENCE:
            drawn = draw_token(model(torch.tensor([written]))[0, -1], 1.0, generator)
            if drawn == 0:
                break
            written.append(drawn)
        sentences.append(words.decode(written[1:]))
    return sentences


def split_at_words(text: str, words: Iterable[str]) -> list[str]:
    """A text as known words, of which some have spaces in them: the longest that fit.

    Raises ValueError, which says where, for what begins with no known word.
    """
    longest_first = sorted(words, key=len, reverse=True)
    found, rest = [], text.strip()
    while rest:
        for word in longest_first:
            if f"{rest} ".startswith(f"{word} "):
                found.append(word)
                rest = rest[len(word) :].strip()
                break
        else:
            raise ValueError(
                f"{quoted(rest)} does not begin with a word that the model knows: "
                "begin like one of the sentences that it writes"
            )
    return found
