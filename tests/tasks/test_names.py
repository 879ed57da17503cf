"""A net and a GPT of names: what they learn from, keep to measure with, and refuse."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from runs import finished, new_run
from torch import nn

from gptbook.data.tables import city_names
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.models.ngram import NgramNet
from gptbook.tasks.names import GPTNames, NgramNames, names_model
from gptbook.tasks.open_run import task_for
from gptbook.tasks.recipe_words import city_bigram, city_gpt
from gptbook.tasks.recipes import GPTRecipe, NgramRecipe
from gptbook.training.engine import Run
from gptbook.training.loops import train_on_counts
from gptbook.training.loss import conditional_entropy
from gptbook.training.seeds import seeded


def test_the_seed_draws_the_start_and_the_batches(short: NgramRecipe) -> None:
    def losses(seed: int) -> list[float]:
        run = new_run(replace(short, seed=seed))
        return [run.training_step() for _ in range(3)]

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


def test_no_held_out_name_is_trained_on_and_each_has_its_letters(short: NgramRecipe) -> None:
    task = NgramNames(short)
    assert len(task.held_out) == task.num_held_out == 4
    assert set(task.training).isdisjoint(task.held_out)
    assert task.tokenizer.vocab_size == 1 + len(set("".join(task.names)))


def test_training_goes_towards_the_floor_and_never_below_it(short: NgramRecipe) -> None:
    task = NgramNames(replace(short, num_steps=200, learning_rate=0.02, batch_size=1000))
    floor = conditional_entropy(task.counts)
    assert task.surprise_at(task.training) == pytest.approx(math.log(task.tokenizer.vocab_size), abs=0.1)
    run = finished(Run(task))
    assert floor < task.surprise_at(task.training) < floor + 0.02
    held_out = run.evaluations[-1]["held_out_loss"]
    assert held_out == run.evaluate() == task.surprise_at(task.held_out)
    assert [each["step"] for each in run.evaluations] == list(range(20, 201, 20))
    said = "\n".join(run.report())
    assert f"held-out loss  {held_out:.3f} nats per position" in said
    assert f"no model with this context can be below {floor:.3f}" in said


def test_the_command_line_trains_as_the_chapters_do_bit_for_bit(short: NgramRecipe) -> None:
    task = NgramNames(replace(short, batch_size=1000))
    with seeded(short.seed):
        net = NgramNet(task.tokenizer.vocab_size, 2, short.embedding_dim, short.hidden_dim)
    losses = train_on_counts(net, task.contexts, task.counts, short.num_steps, short.learning_rate)
    run = finished(Run(task))
    assert run.losses == losses
    for name, weights in net.state_dict().items():
        assert torch.equal(weights, run.model.state_dict()[name])


def test_a_list_has_a_least_length(short: NgramRecipe) -> None:
    path = Path(short.names_file)
    path.write_text("\n".join(path.read_text().splitlines()[:20]))  # the header and 19 names
    with pytest.raises(ValueError, match=r'column "town" of .* has 19 different names: give at least 20'):
        new_run(short)


def test_the_book_cities_are_the_default() -> None:
    task = task_for(city_bigram())
    assert isinstance(task, NgramNames)
    assert task.names == city_names()
    assert task.tokenizer.vocab_size == 27
    assert "".join(task.describe()).startswith("city-bigram: a net that reads 1 letter and")


def test_names_that_take_more_memory_than_there_is_are_refused_before_it_is_taken(
    short: NgramRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    NgramNames(short)
    monkeypatch.setattr("gptbook.tasks.names.available_memory", lambda: 1000)
    with pytest.raises(ValueError, match="GB of memory"):
        NgramNames(short)


def test_a_gpt_and_a_net_hold_out_the_same_names(tiny: GPTRecipe, short: NgramRecipe) -> None:
    gpt, net = GPTNames(tiny), NgramNames(short)
    assert gpt.held_out == net.held_out
    assert gpt.training == net.training
    assert gpt.data_facts() == net.data_facts()
    assert gpt.tokenizer.characters == net.tokenizer.characters


def test_no_held_out_name_is_trained_on(tiny: GPTRecipe) -> None:
    task = GPTNames(tiny)
    learned = {task.tokenizer.decode(row) for row in task.inputs.tolist()}
    assert learned == set(task.training)
    assert learned.isdisjoint(task.held_out)


def test_before_training_the_surprise_is_ln_v_and_training_lowers_it(tiny: GPTRecipe) -> None:
    task = GPTNames(replace(tiny, num_steps=60, dropout=0.0, learning_rate=0.05))
    assert task.surprise_at(task.held_out) == pytest.approx(math.log(task.tokenizer.vocab_size), abs=1e-5)
    run = finished(Run(task))
    assert task.surprise_at(task.training) < run.losses[0] - 0.3


def test_the_surprise_of_a_gpt_is_per_position_as_that_of_a_net(tiny: GPTRecipe) -> None:
    task = GPTNames(tiny)
    nn.init.normal_(task.model.prediction.weight)
    task.model.eval()
    total = positions = 0.0
    for name in task.held_out:
        tokens = [0, *task.tokenizer.encode(name)]
        surprise = -task.model(torch.tensor([tokens]))[0].log_softmax(dim=-1)
        total += sum(surprise[place, target].item() for place, target in enumerate([*tokens[1:], 0]))
        positions += len(name) + 1
    assert task.surprise_at(task.held_out) == pytest.approx(total / positions, abs=1e-5)


def test_both_groups_of_parameters_follow_the_schedule_from_their_own_heights(tiny: GPTRecipe) -> None:
    run = new_run(tiny)
    rates = []
    for _ in range(8):
        run.training_step()
        rates.append([group["lr"] for group in run.optimizer.param_groups])
    shares = [min((step + 1) / 4, (8 - step) / 8) for step in range(8)]
    assert rates == [pytest.approx([0.02 * share, 4e-3 * share]) for share in shares]


def test_a_name_that_does_not_fit_is_refused_before_training_and_when_measuring(tiny: GPTRecipe) -> None:
    message = '"amstel" has 6 letters, and a context of 5 has room for 4: leave it out'
    task = GPTNames(tiny)
    with pytest.raises(ValueError, match=message):
        task.surprise_at(["ama", "amstel"])
    assert task.surprise_at(["amam"]) > 0
    path = Path(tiny.names_file)
    path.write_text(path.read_text() + "amstel\n")
    with pytest.raises(ValueError, match=message):
        GPTNames(tiny)


def test_the_context_of_the_recipe_holds_names_of_63_letters() -> None:
    assert city_gpt().context_length == 64


def test_a_letter_that_it_does_not_know_is_named(tiny: GPTRecipe) -> None:
    with pytest.raises(ValueError, match='"z", character 1 of "za", is not in the alphabet'):
        GPTNames(tiny).surprise_at(["za"])


def test_it_says_what_it_learns_and_what_came_of_it(tiny: GPTRecipe) -> None:
    run = new_run(tiny)
    said, held_out = "\n".join([*run.describe(), *run.report()]), run.evaluate()
    assert "towns: a GPT of 1 block that reads all letters so far" in said
    assert "learns from 36 names; 4 others" in said
    assert f"held-out loss  {held_out:.3f} nats per position, on 4 names" in said
    assert f"(uniform guess: {run.task.uniform_loss:.3f})" in said
    assert "a GPT of 3 blocks" in "".join(GPTNames(replace(tiny, num_layers=3)).describe())


def test_the_gpt_has_the_sizes_of_the_recipe(tiny: GPTRecipe) -> None:
    model = names_model(tiny, vocab_size=4)
    assert isinstance(model, ModernGPT)
    assert model.config == GPTConfig(vocab_size=4, context_length=5, num_layers=1, num_heads=2, model_dim=8, mlp_dim=12)
    assert model.dropout.p == 0.2
