"""A GPT of names and attention over sentences: what they learn from, keep, measure and refuse."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gptbook.data.clubs import ClubGrammar
from gptbook.data.sequences import padded
from gptbook.data.tokenizer import CharacterTokenizer, WordTokenizer
from gptbook.models.gpt import GPTConfig
from gptbook.tasks.catalogue import load_run
from gptbook.tasks.names import SpellingRun
from gptbook.tasks.recipe_words import city_gpt
from gptbook.tasks.recipes import ClubsRecipe, GPTRecipe, NgramRecipe
from gptbook.tasks.sentences import ClubRun, NameRun, SequenceRun, club_model_for, gpt_for, ground_accuracy
from gptbook.training.checkpoint import training_tensors
from gptbook.training.run import Run, train_run

CLUBS = ClubsRecipe(name="clubs", num_sentences=60, model_dim=8, num_heads=2, batch_size=8, num_steps=6, warmup_steps=2)


def finished(run: Run) -> Run:
    while not run.is_finished:
        run.advance()
    return run


def quiet(run: Run) -> None:
    """Nothing to show."""


def test_a_gpt_and_a_net_hold_out_the_same_names(tiny: GPTRecipe, short: NgramRecipe) -> None:
    gpt, net = NameRun(tiny), SpellingRun(short)
    assert gpt.held_out == net.held_out
    assert gpt.training == net.training
    assert gpt.data_facts() == net.data_facts()
    assert gpt.tokenizer.characters == net.tokenizer.characters


def test_no_held_out_name_is_trained_on(tiny: GPTRecipe) -> None:
    run = NameRun(tiny)
    learned = {run.tokenizer.decode(row) for row in run.inputs.tolist()}
    assert learned == set(run.training)
    assert learned.isdisjoint(run.held_out)


def test_before_training_the_surprise_is_ln_v_and_training_lowers_it(tiny: GPTRecipe) -> None:
    run = NameRun(replace(tiny, num_steps=60, dropout=0.0, learning_rate=0.05))
    assert run.surprise_at(run.held_out) == pytest.approx(math.log(run.tokenizer.vocab_size), abs=1e-5)
    finished(run)
    assert run.surprise_at(run.training) < run.losses[0] - 0.3


def test_the_surprise_of_a_gpt_is_per_position_as_that_of_a_net(tiny: GPTRecipe) -> None:
    run = NameRun(tiny)
    nn.init.normal_(run.model.prediction.weight)
    run.model.eval()
    total = positions = 0.0
    for name in run.held_out:
        tokens = [0, *run.tokenizer.encode(name)]
        surprise = -run.model(torch.tensor([tokens]))[0].log_softmax(dim=-1)
        total += sum(surprise[place, target].item() for place, target in enumerate([*tokens[1:], 0]))
        positions += len(name) + 1
    assert run.surprise_at(run.held_out) == pytest.approx(total / positions, abs=1e-5)


def test_both_groups_of_parameters_follow_the_schedule_from_their_own_heights(tiny: GPTRecipe) -> None:
    run = NameRun(tiny)
    rates = []
    for _ in range(8):
        run.advance()
        rates.append([group["lr"] for group in run.optimizer.param_groups])
    shares = [min((step + 1) / 4, (8 - step) / 8) for step in range(8)]
    assert rates == [pytest.approx([0.02 * share, 4e-3 * share]) for share in shares]


@pytest.mark.parametrize("kind", ["names", "clubs"])
def test_a_run_that_was_stopped_ends_in_the_same_bits(kind: str, tiny: GPTRecipe, tmp_path: Path) -> None:
    def begin() -> SequenceRun:
        return NameRun(tiny) if kind == "names" else ClubRun(CLUBS)

    whole = finished(begin())
    first = begin()
    for _ in range(3):
        first.advance()
    first.save(tmp_path / "run")
    if kind == "names":
        second = load_run(tmp_path / "run")
    else:  # which is not in any list of recipes under this name
        second = begin()
        second.go_on_from(tmp_path / "run")
    assert second.step == 3
    train_run(second, tmp_path / "run", quiet)
    assert second.losses == whole.losses
    expected, found = (training_tensors(run.model, run.optimizer) for run in (whole, second))
    assert expected.keys() == found.keys()
    assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())


@pytest.mark.parametrize("kind", ["names", "clubs"])
def test_measuring_and_estimating_change_nothing(kind: str, tiny: GPTRecipe) -> None:
    plain, watched = (NameRun(tiny) if kind == "names" else ClubRun(CLUBS) for _ in range(2))
    for _ in range(3):
        plain.advance()
        watched.advance()
        list(watched.describe())
        if kind == "names":
            list(watched.report())
        assert watched.seconds_left() > 0
    assert plain.losses == watched.losses


def test_the_seed_draws_the_start_and_the_batches(tiny: GPTRecipe) -> None:
    def losses(seed: int) -> list[float]:
        run = NameRun(replace(tiny, seed=seed))
        return [run.advance() for _ in range(3)]

    assert losses(1) == losses(1)
    assert losses(1)[1:] != losses(2)[1:]
    first, other = (ClubRun(replace(CLUBS, seed=seed)) for seed in (0, 1))
    assert not torch.equal(first.model.embedding.weight, other.model.embedding.weight)
    assert first.inputs.tolist() != other.inputs.tolist()


def test_a_name_that_does_not_fit_is_refused_before_training_and_when_measuring(tiny: GPTRecipe) -> None:
    message = '"amstel" has 6 letters, and a context of 5 has room for 4: leave it out'
    run = NameRun(tiny)
    with pytest.raises(ValueError, match=message):
        run.surprise_at(["ama", "amstel"])
    assert run.surprise_at(["amam"]) > 0
    path = Path(tiny.names_file)
    path.write_text(path.read_text() + "amstel\n")
    with pytest.raises(ValueError, match=message):
        NameRun(tiny)


def test_the_context_of_the_recipe_holds_names_of_63_letters() -> None:
    assert city_gpt().context_length == 64


def test_a_letter_that_it_does_not_know_is_named(tiny: GPTRecipe) -> None:
    with pytest.raises(ValueError, match='"z", character 1 of "za", is not in the alphabet'):
        NameRun(tiny).surprise_at(["za"])


def test_it_says_what_it_learns_and_what_came_of_it(tiny: GPTRecipe) -> None:
    run = NameRun(tiny)
    said = "\n".join([*run.describe(), *run.report()])
    assert "towns: a GPT of 1 block that reads all letters so far" in said
    assert "learns from 36 names; 4 others" in said
    assert f"held-out loss  {run.surprise_at(run.held_out):.3f} nats per position, on 4 names" in said
    assert f"(uniform guess: {math.log(run.tokenizer.vocab_size):.3f})" in said
    assert "a GPT of 3 blocks" in "".join(NameRun(replace(tiny, num_layers=3)).describe())


def test_the_models_have_the_sizes_of_the_recipe(tiny: GPTRecipe) -> None:
    letters = CharacterTokenizer("abc")
    model = gpt_for(tiny, letters)
    assert model.config == GPTConfig(vocab_size=4, context_length=5, num_layers=1, num_heads=2, model_dim=8, mlp_dim=12)
    assert model.dropout.p == 0.2
    attention = club_model_for(CLUBS, WordTokenizer(["a", "b"]))
    assert attention.embedding.weight.shape == (3, 8)
    assert attention.attention.num_heads == 2


class Oracle(nn.Module):
    """Knows the ground of the club that stands in the sentence, or says the same ground always."""

    def __init__(self, grammar: ClubGrammar, tokenizer: WordTokenizer, always: str = "") -> None:
        super().__init__()
        self.ground_of = {tokenizer.ids[club]: tokenizer.ids[ground] for club, ground in grammar.grounds.items()}
        self.always = tokenizer.ids.get(always, 0)
        self.vocab_size = tokenizer.vocab_size

    def forward(self, tokens: Tensor) -> Tensor:
        logits = torch.zeros(*tokens.shape, self.vocab_size)
        for row, sentence in enumerate(tokens.tolist()):
            (club,) = [token for token in sentence if token in self.ground_of]
            logits[row, :, self.always or self.ground_of[club]] = 1.0
        return logits


@pytest.mark.parametrize("gap", [4, 7, 30])
def test_who_knows_the_grounds_is_always_right_and_who_says_one_only_where_it_is_right(gap: int) -> None:
    grammar = ClubGrammar()
    tokenizer = WordTokenizer(grammar.words)
    assert ground_accuracy(Oracle(grammar, tokenizer), tokenizer, grammar, gap, num_sentences=300) == 1.0
    sentences = grammar.sentences(300, seed=1_000_000, gap=gap)
    share = sum(words[-1] == "Anfield" for words in sentences) / 300
    constant = Oracle(grammar, tokenizer, always="Anfield")
    assert ground_accuracy(constant, tokenizer, grammar, gap, num_sentences=300) == pytest.approx(share)
    assert 0 < share < 0.2


def test_a_gap_that_no_sentence_has_is_refused() -> None:
    grammar = ClubGrammar()
    tokenizer = WordTokenizer(grammar.words)
    with pytest.raises(ValueError, match="no sentence has a gap of 3: give 4 or more"):
        ground_accuracy(Oracle(grammar, tokenizer), tokenizer, grammar, gap=3)


def test_attention_learns_from_sentences_of_the_grammar_and_reports_the_grammars_own_loss() -> None:
    run = ClubRun(CLUBS)
    sentences = run.grammar.sentences(60, seed=0)
    inputs, targets = padded([run.tokenizer.encode(words) for words in sentences])
    assert torch.equal(run.inputs, inputs)
    assert torch.equal(run.targets, targets)
    assert run.data_facts() == {"words": run.grammar.words}
    said = "\n".join([*run.describe(), *run.report()])
    assert "learns from 60 sentences" in said
    assert f"{math.log(run.tokenizer.vocab_size):.3f} nats per position on new sentences" in said
    new = run.grammar.sentences(4000, seed=1_000_000)
    floor = -sum(map(run.grammar.log_probability, new)) / sum(len(words) + 1 for words in new)
    assert f"(the grammar that wrote them: {floor:.3f})" in said
    assert floor == pytest.approx(run.grammar.floor(), abs=0.005)
    assert "with 40 words in between" in said
