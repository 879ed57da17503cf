"""Attention over sentences: what it learns from, and what it is right about."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from gptbook.data.clubs import ClubGrammar
from gptbook.data.sequences import padded
from gptbook.data.tokenizer import WordTokenizer
from gptbook.models.attention import AttentionModel
from gptbook.tasks.recipes import ClubsRecipe
from gptbook.tasks.sentences import ClubSentences, clubs_model, stadium_accuracy
from gptbook.training.engine import Run

CLUBS = ClubsRecipe(name="clubs", num_sentences=60, model_dim=8, num_heads=2, batch_size=8, num_steps=6, warmup_steps=2)


class Oracle(nn.Module):
    """Knows the stadium of the club that stands in the sentence, or says the same stadium always."""

    def __init__(self, grammar: ClubGrammar, tokenizer: WordTokenizer, always: str = "") -> None:
        super().__init__()
        self.stadium_of = {tokenizer.ids[club]: tokenizer.ids[stadium] for club, stadium in grammar.stadiums.items()}
        self.always = tokenizer.ids.get(always, 0)
        self.vocab_size = tokenizer.vocab_size

    def forward(self, tokens: Tensor) -> Tensor:
        logits = torch.zeros(*tokens.shape, self.vocab_size)
        for row, sentence in enumerate(tokens.tolist()):
            (club,) = [token for token in sentence if token in self.stadium_of]
            logits[row, :, self.always or self.stadium_of[club]] = 1.0
        return logits


@pytest.mark.parametrize("gap", [4, 7, 30])
def test_who_knows_the_stadiums_is_always_right_and_who_says_one_only_where_it_is_right(gap: int) -> None:
    grammar = ClubGrammar()
    tokenizer = WordTokenizer(grammar.words)
    assert stadium_accuracy(Oracle(grammar, tokenizer), tokenizer, grammar, gap, num_sentences=300) == 1.0
    sentences = grammar.sentences(300, seed=1_000_000, gap=gap)
    share = sum(words[-1] == "Anfield" for words in sentences) / 300
    constant = Oracle(grammar, tokenizer, always="Anfield")
    assert stadium_accuracy(constant, tokenizer, grammar, gap, num_sentences=300) == pytest.approx(share)
    assert 0 < share < 0.2


def test_a_gap_that_no_sentence_has_is_refused() -> None:
    grammar = ClubGrammar()
    tokenizer = WordTokenizer(grammar.words)
    with pytest.raises(ValueError, match="no sentence has a gap of 3: give 4 or more"):
        stadium_accuracy(Oracle(grammar, tokenizer), tokenizer, grammar, gap=3)


def test_attention_learns_from_sentences_of_the_grammar_and_reports_the_grammars_own_loss() -> None:
    task = ClubSentences(CLUBS)
    sentences = task.grammar.sentences(60, seed=0)
    inputs, targets = padded([task.tokenizer.encode(words) for words in sentences])
    assert torch.equal(task.inputs, inputs)
    assert torch.equal(task.targets, targets)
    assert task.data_facts() == {"words": task.grammar.words}
    run = Run(task)
    said = "\n".join([*run.describe(), *run.report()])
    assert "learns from 60 sentences" in said
    assert f"{math.log(task.tokenizer.vocab_size):.3f} nats per position on new sentences" in said
    new = task.grammar.sentences(4000, seed=1_000_000)
    floor = -sum(map(task.grammar.log_probability, new)) / sum(len(words) + 1 for words in new)
    assert f"(the grammar that wrote them: {floor:.3f})" in said
    assert floor == pytest.approx(task.grammar.floor(), abs=0.005)
    assert "with 40 words in between" in said


def test_the_seed_draws_the_sentences_and_the_start() -> None:
    first, other = (ClubSentences(replace(CLUBS, seed=seed)) for seed in (0, 1))
    assert not torch.equal(first.model.embedding.weight, other.model.embedding.weight)
    assert first.inputs.tolist() != other.inputs.tolist()


def test_attention_has_the_sizes_of_the_recipe() -> None:
    attention = clubs_model(CLUBS, vocab_size=3)
    assert isinstance(attention, AttentionModel)
    assert attention.embedding.weight.shape == (3, 8)
    assert attention.attention.num_heads == 2
