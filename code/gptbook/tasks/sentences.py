"""What learns from whole sequences: a GPT of names, and models of sentences."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gptbook.data.clubs import ClubGrammar
from gptbook.data.sequences import padded, sequence_batch
from gptbook.data.tables import split_names
from gptbook.data.tokenizer import CharacterTokenizer, WordTokenizer
from gptbook.models.attention import AttentionModel
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.models.ngram import NgramNet, WindowModel
from gptbook.tasks.names import names_facts, names_for
from gptbook.tasks.recipes import ClubsRecipe, GPTRecipe
from gptbook.training.loss import next_token_loss
from gptbook.training.measure import sequence_loss
from gptbook.training.optim import MuonAdamW, muon_groups, warmup_then_decay
from gptbook.training.run import Run
from gptbook.training.seeds import seeded


class SequenceRun(Run):
    """A model on its way to predicting sequences of tokens, as `train_on_sequences`."""

    recipe: GPTRecipe | ClubsRecipe
    inputs: Tensor
    targets: Tensor

    def set_up(
        self, model: nn.Module, sequences: list[list[int]], other_rate: float
    ) -> None:
        """Take the model, and the sequences to learn from."""
        self.model = model
        self.inputs, self.targets = padded(sequences)
        groups = muon_groups(model, self.recipe.learning_rate, other_rate)
        self.optimizer = MuonAdamW(groups)

    def loss_at(self, step: int) -> Tensor:
        """A batch of sequences, every position of each."""
        batch_size, seed = self.recipe.batch_size, self.recipe.seed
        batch, wanted = sequence_batch(
            self.inputs, self.targets, step, batch_size, seed
        )
        return next_token_loss(self.model(batch), wanted)

    def rate_at(self, step: int) -> float:
        """The share of the full rates: up in a line, then down to zero."""
        return warmup_then_decay(step, self.recipe.num_steps, self.recipe.warmup_steps)


class NameRun(SequenceRun):
    """A GPT on its way to spelling names."""

    recipe: GPTRecipe
    model: ModernGPT

    def __init__(self, recipe: GPTRecipe) -> None:
        """Read and split the names, start the model.

        Raises ValueError for too few names, or one longer than the model's context.
        """
        super().__init__()
        self.recipe = recipe
        self.names = names_for(recipe)
        check_lengths(self.names, recipe)
        self.training, self.held_out = split_names(self.names, recipe.held_out)
        self.tokenizer = CharacterTokenizer.from_texts(self.names)
        with seeded(recipe.seed):
            model = gpt_for(recipe, self.tokenizer)
        sequences = [self.tokenizer.encode(name) for name in self.training]
        self.set_up(model, sequences, recipe.other_rate)

    def data_facts(self) -> dict[str, Any]:
        """Alphabet and longest name, for sampling; a fingerprint of the names."""
        return names_facts(self.names, self.tokenizer)

    def surprise_at(self, names: list[str]) -> float:
        """The mean surprise at names, in nats per position.

        Raises ValueError for a letter that is not in the alphabet, or a name longer
        than the model's context.
        """
        check_lengths(names, self.recipe)
        return sequence_loss(
            self.model, *padded([self.tokenizer.encode(name) for name in names])
        )

    def describe(self) -> Iterator[str]:
        """The model, and how many names it learns from."""
        blocks = self.recipe.num_layers
        stack = "1 block" if blocks == 1 else f"{blocks} blocks"
        yield f"{self.recipe.name}: a GPT of {stack} that reads all letters so far"
        yield (
            f"  learns from {len(self.training):,} names; "
            f"{len(self.held_out):,} others are kept to measure with"
        )

    def report(self) -> Iterator[str]:
        """The losses, and what to compare them with."""
        yield (
            f"  held-out loss  {self.surprise_at(self.held_out):.3f} nats per "
            f"position, on {len(self.held_out):,} names that it never saw "
            f"(uniform guess: {math.log(self.tokenizer.vocab_size):.3f})"
        )
        yield f"  training loss  {self.surprise_at(self.training):.3f}"


class ClubRun(SequenceRun):
    """A model on its way to naming the ground of a club named long before."""

    recipe: ClubsRecipe
    model: AttentionModel | WindowModel

    def __init__(self, recipe: ClubsRecipe) -> None:
        """Write the sentences, start the model."""
        super().__init__()
        self.recipe = recipe
        self.grammar = ClubGrammar()
        self.tokenizer = WordTokenizer(self.grammar.words)
        sentences = self.grammar.sentences(recipe.num_sentences, seed=recipe.seed)
        with seeded(recipe.seed):
            model = club_model_for(recipe, self.tokenizer)
        sequences = [self.tokenizer.encode(words) for words in sentences]
        self.set_up(model, sequences, recipe.learning_rate)

    def data_facts(self) -> dict[str, Any]:
        """The vocabulary, which names every club and ground."""
        return {"words": self.grammar.words}

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

    def report(self) -> Iterator[str]:
        """The loss beside the grammar's own, and the accuracy near and far."""
        new = self.grammar.sentences(4000, seed=self.recipe.seed + 1_000_000)
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
            share = ground_accuracy(self.model, self.tokenizer, self.grammar, gap)
            yield f"  right ground   {share:.1%} with {gap} words in between"


def check_lengths(names: Iterable[str], recipe: GPTRecipe) -> None:
    """Raise ValueError if a name and its mark do not fit into the model's context."""
    longest = max(names, key=len)
    if len(longest) >= recipe.context_length:
        raise ValueError(
            f'"{longest}" has {len(longest)} letters, and a context of '
            f"{recipe.context_length} has room for {recipe.context_length - 1}: "
            "leave it out or make it shorter"
        )


def gpt_for(recipe: GPTRecipe, tokenizer: CharacterTokenizer) -> ModernGPT:
    """A new model of the recipe's sizes."""
    config = GPTConfig(
        vocab_size=tokenizer.vocab_size,
        context_length=recipe.context_length,
        num_layers=recipe.num_layers,
        num_heads=recipe.num_heads,
        model_dim=recipe.model_dim,
        mlp_dim=recipe.mlp_dim,
    )
    return ModernGPT(config, recipe.dropout)


def club_model_for(
    recipe: ClubsRecipe, tokenizer: WordTokenizer
) -> AttentionModel | WindowModel:
    """A new model of the recipe's kind and sizes."""
    vocab_size, dim = tokenizer.vocab_size, recipe.model_dim
    if recipe.window:
        return WindowModel(NgramNet(vocab_size, recipe.window, dim, 2 * dim))
    return AttentionModel(vocab_size, dim, recipe.num_heads)


@torch.no_grad()
def ground_accuracy(
    model: nn.Module,
    tokenizer: WordTokenizer,
    grammar: ClubGrammar,
    gap: int,
    num_sentences: int = 2000,
    seed: int = 1_000_000,
) -> float:
    """How often the likeliest next word is the right ground, in new sentences.

    gap is the number of words between the club and its ground.
    Raises ValueError for a gap that the grammar cannot write.
    """
    sentences = grammar.sentences(num_sentences, seed=seed, gap=gap)
    inputs, targets = padded([tokenizer.encode(words) for words in sentences])
    places = torch.tensor([grammar.ground_position(words) for words in sentences])
    right = 0
    for rows in torch.arange(len(inputs)).split(256):
        logits = model(inputs[rows])[torch.arange(len(rows)), places[rows]]
        answers = targets[rows, places[rows]]
        right += int((logits.argmax(dim=-1) == answers).sum())
    return right / len(inputs)
