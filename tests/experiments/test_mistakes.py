"""Every classic mistake is caught: its check passes on the package, and fails where the mistake is planted."""

import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from bookbuild.project import this_project
from gptbook.experiments.mistakes import mistakes
from gptbook.experiments.planting import PlantedPackage
from gptbook.experiments.small_task import SMALL_SETTINGS
from gptbook.models.gpt import GPTConfig
from gptbook.models.sizes import parameter_terms

EVERY = mistakes()
Package = Any  # the right package, or one with a mistake: the same modules
SIZES = {"context_length": 8, "num_layers": 2, "num_heads": 2, "model_dim": 8, "mlp_dim": 16}
CONFIG = GPTConfig(vocab_size=6, **SIZES)
NAMES = [a + b + c for a in ("ba", "cad", "de", "e") for b in "abcde" for c in ("a", "ebb")]


def small_run(book: Package, **settings: Any) -> Any:
    """A run of a tiny GPT over forty names."""
    book.small_task.city_names = lambda: NAMES
    few = {"config": SIZES, "one_in": 1, "num_steps": 20, "warmup_steps": 4, "part_size": 4}
    return book.small_task.small_run({**SMALL_SETTINGS, **few, **settings})


def small_gpt(book: Package) -> Any:
    """A tiny GPT whose positions and tokens count: larger numbers than training begins with."""
    torch.manual_seed(0)
    model = book.small_task.SmallGPT(CONFIG, 0.0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


def step_loss(run: Any) -> torch.Tensor:
    """The loss that the next step should have, by its definition."""
    size = run.rows_at_once
    parts = [run.task.batch(run.step, slice(part * size, (part + 1) * size)) for part in range(run.num_parts)]
    losses = [F.cross_entropy(run.model(i).flatten(end_dim=1), t.flatten(), ignore_index=-100) for i, t in parts]
    return torch.stack(losses).mean()


def rates(run: Any) -> list[float]:
    """The rate of every step of a run."""
    found = []
    while not run.is_finished:
        run.training_step()
        found.append(run.optimizer.param_groups[0]["lr"])
    return found


# Wrong at the start


def check_the_loss_before_training_is_that_of_a_uniform_guess(book: Package) -> None:
    run = small_run(book)
    assert abs(run.task.held_out_loss()[0] - math.log(6)) < 0.1


def check_the_loss_of_a_step_is_in_nats(book: Package) -> None:
    run = small_run(book, dropout=0.0, num_parts=1)
    wanted = step_loss(run).item()
    assert run.training_step() == pytest.approx(wanted, rel=1e-5)


def check_two_parts_have_the_gradient_of_their_mean(book: Package) -> None:
    run = small_run(book, dropout=0.0, max_gradient_norm=1e9, learning_rate=0.0)
    wanted = torch.autograd.grad(step_loss(run), run.model.final_norm.weight)[0]
    run.forward_backward()
    torch.testing.assert_close(run.model.final_norm.weight.grad, wanted)


def check_every_position_sees_itself(book: Package) -> None:
    q = torch.randn(1, 1, 3, 4)
    assert (book.attention.attention_weights(q, q).diagonal(dim1=-2, dim2=-1) > 0).all()


# Too good


def check_a_target_is_the_input_one_place_on(book: Package) -> None:
    inputs, targets = book.sequences.padded([[1, 2, 3, 4]])
    assert torch.equal(targets[:, :-1], inputs[:, 1:])


def later_tokens_change_nothing(book: Package, first: int) -> bool:
    """Whether scores at position 2 stay, if the tokens from `first` on are others."""
    model = small_gpt(book)
    tokens = torch.tensor([[1, 2, 3, 4, 5, 1]])
    others = tokens.clone()
    others[0, first:] = 0
    return torch.allclose(model(tokens)[0, 2], model(others)[0, 2], atol=1e-6)


def check_no_position_sees_a_later_one(book: Package) -> None:
    assert later_tokens_change_nothing(book, first=4)


def check_no_position_sees_the_next_one(book: Package) -> None:
    assert later_tokens_change_nothing(book, first=3)


def check_a_head_at_a_position_is_made_from_that_position(book: Package) -> None:
    attention = book.attention.MultiHeadAttention(4, 2)
    x = torch.randn(1, 3, 4)
    other = x.clone()
    other[0, 2] += 1
    assert all(torch.equal(a[:, :, :2], b[:, :, :2]) for a, b in zip(attention.heads(x), attention.heads(other)))


def check_a_longer_neighbour_adds_no_position(book: Package) -> None:
    _, alone = book.sequences.padded([[1, 2]])
    _, beside = book.sequences.padded([[1, 2], [1, 2, 3, 4, 5]])
    logits = torch.randn(6, 6)
    loss = book.loss.next_token_loss
    assert loss(logits, beside[0]) == pytest.approx(loss(logits[:3], alone[0]).item())


def check_no_held_out_name_is_trained_on(book: Package) -> None:
    run = small_run(book)
    trained, held_out = (
        {run.task.tokenizer.decode(row) for row in side[0].tolist()} for side in (run.task.training, run.task.held_out)
    )
    assert not trained & held_out


# Stuck


def check_the_first_step_is_a_small_one(book: Package) -> None:
    run = small_run(book)
    run.training_step()
    assert run.optimizer.param_groups[0]["lr"] <= run.task.settings["learning_rate"] / 4


def check_no_step_has_a_rate_above_the_one_asked_for(book: Package) -> None:
    run = small_run(book)
    assert max(rates(run)) <= run.task.settings["learning_rate"] * 1.001


def check_the_rate_reaches_its_height(book: Package) -> None:
    run = small_run(book)
    assert max(rates(run)) > 0.75 * run.task.settings["learning_rate"]


def check_a_step_moves_the_model_that_is_asked(book: Package) -> None:
    run = small_run(book)
    before = [parameter.clone() for parameter in run.model.parameters()]
    run.training_step()
    assert any(not torch.equal(a, b) for a, b in zip(before, run.model.parameters()))


def check_a_step_has_the_gradient_of_its_own_batch(book: Package) -> None:
    run = small_run(book, dropout=0.0, max_gradient_norm=1e9, learning_rate=0.0)
    run.training_step()
    wanted = torch.autograd.grad(step_loss(run), run.model.final_norm.weight)[0]
    run.forward_backward()
    torch.testing.assert_close(run.model.final_norm.weight.grad, wanted)


def check_a_sure_and_right_model_has_no_loss(book: Package) -> None:
    run = small_run(book)
    size = run.rows_at_once
    answers = iter([run.task.batch(0, slice(first, first + size))[1] for first in (0, size)])

    class Sure(torch.nn.Linear):
        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return 50 * F.one_hot(next(answers).clamp(min=0), 6) + 0 * self.weight.sum()

    run.task.model = Sure(1, 1)
    assert run.training_step() < 0.01


def check_the_model_owns_the_parameters_of_every_block(book: Package) -> None:
    owned = {name.split(".")[1] for name, _ in book.gpt.GPT(CONFIG).named_parameters() if name.startswith("blocks.")}
    assert owned == {"0", "1"}


def check_the_mlp_adds_to_the_running_sum(book: Package) -> None:
    block = book.gpt.Block(CONFIG)
    torch.nn.init.zeros_(block.mlp.output.weight)
    torch.nn.init.zeros_(block.mlp.output.bias)
    x = torch.randn(1, 3, 8)
    assert torch.allclose(block(x), x + block.attention(block.attention_norm(x)))


def check_decay_pulls_apart_from_the_gradient(book: Package) -> None:
    free, pulled = (small_run(book, weight_decay=decay, warmup_steps=1, num_parts=1) for decay in (0.0, 0.1))
    before = free.model.token_embedding.weight.detach().clone()
    for run in (free, pulled):
        run.training_step()
    pull = free.model.token_embedding.weight - pulled.model.token_embedding.weight
    torch.testing.assert_close(pull, 0.1 * pulled.task.settings["learning_rate"] * before, atol=1e-7, rtol=0.01)


# Worse than it should be


def check_the_first_target_is_the_first_token(book: Package) -> None:
    _, targets = book.sequences.padded([[4, 2, 3]])
    assert targets[0].tolist() == [4, 2, 3, 0]


def check_the_shares_of_a_position_sum_to_one(book: Package) -> None:
    weights = book.attention.attention_weights(torch.randn(2, 1, 5, 4), torch.randn(2, 1, 5, 4))
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 1, 5))


def check_the_same_token_elsewhere_is_scored_differently(book: Package) -> None:
    logits = small_gpt(book)(torch.tensor([[3, 3, 3]]))
    assert not torch.allclose(logits[0, 0], logits[0, 2], atol=1e-3)


def check_every_parameter_gets_a_gradient(book: Package) -> None:
    model = small_gpt(book)
    model(torch.tensor([[1, 2, 3, 4, 5, 1, 2, 3]])).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def check_every_block_has_its_own_parameters(book: Package) -> None:
    first, second = book.gpt.GPT(CONFIG).blocks
    assert not {id(p) for p in first.parameters()} & {id(p) for p in second.parameters()}


def check_a_new_epoch_has_a_new_order(book: Package) -> None:
    rows = book.small_task.shuffled_rows
    assert not torch.equal(rows(100, 20, 0, seed=0), rows(100, 20, 5, seed=0))


# The held-out loss is odd


def check_an_epoch_sees_every_name_once(book: Package) -> None:
    rows = torch.cat([book.small_task.shuffled_rows(100, 20, step, seed=0) for step in range(5)])
    assert rows.sort().values.tolist() == list(range(100))


def check_held_out_tokens_are_the_held_out_names(book: Package) -> None:
    run = small_run(book)
    _, held_out = book.tables.split_names(NAMES)
    tokenizer = book.tokenizer.CharacterTokenizer.from_texts(NAMES)
    assert [tokenizer.decode(row) for row in run.task.held_out[0].tolist()] == held_out


def check_a_measurement_is_the_same_twice(book: Package) -> None:
    run = small_run(book, dropout=0.5)
    torch.nn.init.ones_(run.model.blocks[0].mlp.output.weight)
    run.model.train()
    assert run.task.held_out_loss() == run.task.held_out_loss()


def check_a_step_after_a_measurement_has_dropout(book: Package) -> None:
    run = small_run(book)
    run.task.held_out_loss()
    run.training_step()
    assert run.model.training


# Writing


def check_the_end_of_a_name_is_asked(book: Package) -> None:
    _, targets = book.sequences.padded([[1, 2], [1, 2, 3]])
    assert [int(row[row != -100][-1]) for row in targets] == [0, 0]


class Listening:
    """A model that remembers what it was shown."""

    config = CONFIG

    def __init__(self) -> None:
        self.shown: list[list[int]] = []

    def __call__(self, tokens: torch.Tensor, cache: object = None) -> torch.Tensor:
        self.shown.append(tokens[0].tolist())
        return F.one_hot(tokens + 1, 6).float()


def check_without_a_cache_the_model_reads_all_again(book: Package) -> None:
    model = Listening()
    book.generate.generate_tokens(model, [1], 3, temperature=0, use_cache=False)
    assert model.shown == [[1], [1, 2], [1, 2, 3]]


def check_the_cache_changes_no_score(book: Package) -> None:
    model = small_gpt(book)
    tokens = torch.tensor([[1, 2, 3, 4, 5]])
    memory = book.attention.KVCache(CONFIG.num_layers, CONFIG.context_length)
    steps = [model(token[:, None], memory) for token in tokens.T]
    torch.testing.assert_close(torch.cat(steps, dim=1), model(tokens), atol=1e-4, rtol=1e-4)


def check_the_same_seed_writes_the_same_names(book: Package) -> None:
    run = small_run(book, dropout=0.9, temperature=1.0)
    for block in run.model.blocks:
        torch.nn.init.normal_(block.mlp.output.weight)
    run.model.train()
    first, second = (run.task.write("", 5, torch.Generator().manual_seed(0)) for _ in range(2))
    assert first == second


def check_a_low_temperature_prefers_the_likeliest(book: Package) -> None:
    draw = book.generate.draw_token
    generator = torch.Generator().manual_seed(0)
    assert {draw(torch.tensor([0.0, 1.0, 0.0]), 0.05, generator) for _ in range(20)} == {1}


# Going on


def check_a_run_that_goes_on_ends_with_the_same_weights(book: Package) -> None:
    straight, stopped = small_run(book), small_run(book)
    for step in range(6):
        straight.training_step()
        stopped.training_step()
        if step == 2:
            stopped = book.small_task.stopped_and_resumed(stopped, stopped.task.settings)
    pairs = zip(straight.model.parameters(), stopped.model.parameters())
    assert all(torch.equal(a, b) for a, b in pairs)


def check_a_run_goes_on_with_the_next_step(book: Package) -> None:
    run = small_run(book)
    run.training_step()
    run = book.small_task.stopped_and_resumed(run, run.task.settings)
    assert run.step == 1


# Quiet


def check_a_gpt_has_the_parameters_of_its_equation(book: Package) -> None:
    model = book.gpt.GPT(CONFIG)
    assert sum(p.numel() for p in model.parameters()) == sum(term.count for term in parameter_terms(CONFIG))


def check_scores_are_divided_by_the_root_of_their_length(book: Package) -> None:
    q = torch.randn(1, 1, 2, 64)
    share = ((q[0, 0, 1] @ q[0, 0].T) / 8).softmax(dim=0)
    torch.testing.assert_close(book.attention.attention_weights(q, q)[0, 0, 1], share)


def check_attention_adds_to_the_running_sum(book: Package) -> None:
    block = book.gpt.Block(CONFIG)
    torch.nn.init.zeros_(block.attention.output.weight)
    torch.nn.init.zeros_(block.attention.output.bias)
    x = torch.randn(1, 3, 8)
    assert torch.allclose(block(x), x + block.mlp(block.mlp_norm(x)))


def check_the_last_step_is_a_small_one(book: Package) -> None:
    assert book.optim.warmup_then_decay(99, 100, 10) == pytest.approx(0.01)


def check_no_norm_is_pulled_to_zero(book: Package) -> None:
    run = small_run(book)
    pulled = {id(p) for group in run.optimizer.param_groups if group["weight_decay"] for p in group["params"]}
    assert id(run.model.final_norm.weight) not in pulled


def check_no_step_has_a_longer_gradient_than_allowed(book: Package) -> None:
    run = small_run(book, max_gradient_norm=0.01)
    lengths: list[float] = []
    move = run.optimizer.step

    def measured() -> None:
        lengths.append(sum(p.grad.square().sum() for p in run.model.parameters()).item() ** 0.5)
        move()

    run.optimizer.step = measured
    run.training_step()
    assert lengths[0] <= 0.0101


def check_each_step_drops_other_units(book: Package) -> None:
    run = small_run(book)
    seeds: list[int] = []
    run.model.register_forward_hook(lambda *_: seeds.append(torch.initial_seed()))
    run.training_step()
    run.training_step()
    assert len(set(seeds)) == 2


CHECKS: dict[str, Callable[[Package], None]] = {
    "start-too-large": check_the_loss_before_training_is_that_of_a_uniform_guess,
    "bits-called-nats": check_the_loss_of_a_step_is_in_nats,
    "accumulation-not-divided": check_two_parts_have_the_gradient_of_their_mean,
    "mask-hides-all": check_every_position_sees_itself,
    "targets-not-shifted": check_a_target_is_the_input_one_place_on,
    "mask-missing": check_no_position_sees_a_later_one,
    "mask-one-late": check_no_position_sees_the_next_one,
    "heads-by-reshape": check_a_head_at_a_position_is_made_from_that_position,
    "softmax-over-queries": check_the_shares_of_a_position_sum_to_one,
    "loss-over-padding": check_a_longer_neighbour_adds_no_position,
    "held-out-leaks": check_no_held_out_name_is_trained_on,
    "rate-too-high": check_no_step_has_a_rate_above_the_one_asked_for,
    "rate-too-low": check_the_rate_reaches_its_height,
    "old-parameters": check_a_step_moves_the_model_that_is_asked,
    "gradients-not-zeroed": check_a_step_has_the_gradient_of_its_own_batch,
    "softmax-twice": check_a_sure_and_right_model_has_no_loss,
    "no-warm-up": check_the_first_step_is_a_small_one,
    "label-off-by-two": check_the_first_target_is_the_first_token,
    "adam-with-decay": check_decay_pulls_apart_from_the_gradient,
    "blocks-in-a-list": check_the_model_owns_the_parameters_of_every_block,
    "residual-forgotten": check_the_mlp_adds_to_the_running_sum,
    "positions-forgotten": check_the_same_token_elsewhere_is_scored_differently,
    "graph-cut": check_every_parameter_gets_a_gradient,
    "one-block-many-times": check_every_block_has_its_own_parameters,
    "data-not-shuffled": check_a_new_epoch_has_a_new_order,
    "same-batch": check_an_epoch_sees_every_name_once,
    "other-tokenizer": check_held_out_tokens_are_the_held_out_names,
    "evaluation-in-training-mode": check_a_measurement_is_the_same_twice,
    "never-back-to-training": check_a_step_after_a_measurement_has_dropout,
    "end-not-learned": check_the_end_of_a_name_is_asked,
    "newest-token-only": check_without_a_cache_the_model_reads_all_again,
    "cache-off-by-one": check_the_cache_changes_no_score,
    "dropout-while-writing": check_the_same_seed_writes_the_same_names,
    "temperature-times": check_a_low_temperature_prefers_the_likeliest,
    "optimizer-forgotten": check_a_run_that_goes_on_ends_with_the_same_weights,
    "step-forgotten": check_a_run_goes_on_with_the_next_step,
    "weights-not-tied": check_a_gpt_has_the_parameters_of_its_equation,
    "scores-not-divided": check_scores_are_divided_by_the_root_of_their_length,
    "norm-after": check_attention_adds_to_the_running_sum,
    "never-decays": check_the_last_step_is_a_small_one,
    "decay-on-norms": check_no_norm_is_pulled_to_zero,
    "not-clipped": check_no_step_has_a_longer_gradient_than_allowed,
    "seed-fixed": check_each_step_drops_other_units,
}
"""The check of each mistake, by the mistake's slug."""


GUARDS = {
    "start-too-large": "gpt: before training the model guesses evenly",
    "accumulation-not-divided": "text: parts add up to the step of the whole batch",
    "mask-missing": "attention: no position sees what comes later",
    "mask-one-late": "attention: a later vector never changes an earlier result",
    "heads-by-reshape": "attention: several heads equal pytorchs own",
    "softmax-over-queries": "attention: each row of weights sums to 1 and is 0 after the diagonal",
    "loss-over-padding": "sequences: the loss skips what is filled up",
    "held-out-leaks": "tables: a split shares no name and loses none",
    "blocks-in-a-list": "sizes: each term counts its part of the model",
    "graph-cut": "attention: the loss of attention alone starts at ln v and every parameter can learn",
    "data-not-shuffled": "sequences: four batches are a fair draw of all sequences cut into parts",
    "evaluation-in-training-mode": "measure: the loss is measured in pieces without dropout and without a trace",
    "newest-token-only": "generate: cached and uncached greedy give the same 256 tokens",
    "cache-off-by-one": "gpt: a cache gives the same logits step by step",
    "temperature-times": "generate: tokens are drawn as often as the model at that temperature says",
    "optimizer-forgotten": "checkpoint: training goes on bit for bit through a checkpoint",
    "step-forgotten": "session: a run that was stopped ends in the same bits",
    "weights-not-tied": "sizes: the four sizes of gpt2 have their parameters term by term",
    "scores-not-divided": "attention: a score is the product over the root of the head dim",
    "norm-after": "gpt: the model computes the equation of the book",
    "never-decays": "optim: the rate goes up in a line then down to zero in a line",
}
"""Tests of the package itself that guard the same: the module's file, and what they prove."""


@pytest.mark.parametrize("slug", GUARDS)
def test_the_packages_own_guard_is_there(slug: str) -> None:
    module, proves = GUARDS[slug].split(": ")
    (path,) = (this_project().root / "tests").rglob(f"test_{module}.py")
    tests = path.read_text(encoding="utf-8")
    assert f"def test_{proves.replace(' ', '_')}(" in tests


def test_every_mistake_has_a_check_of_its_own() -> None:
    assert list(CHECKS) == list(EVERY)
    assert len(set(CHECKS.values())) == len(EVERY) >= 20


@cache
def right_package() -> PlantedPackage:
    return PlantedPackage()


@pytest.mark.parametrize("slug", EVERY)
def test_the_package_passes(slug: str) -> None:
    torch.manual_seed(0)
    CHECKS[slug](right_package())


@pytest.mark.parametrize("slug", EVERY)
def test_the_mistake_is_caught(slug: str) -> None:
    torch.manual_seed(0)
    with pytest.raises(AssertionError):
        CHECKS[slug](EVERY[slug].planted())


@pytest.fixture(scope="module")
def sections() -> dict[str, str]:
    """The page, mistake by mistake."""
    page = (this_project().docs_dir / "when-training-goes-wrong.md").read_text(encoding="utf-8")
    parts = re.split(r"^### .* \{ #(.+) \}$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def test_the_page_has_every_mistake_in_order(sections: dict[str, str]) -> None:
    assert list(sections) == list(EVERY)


@pytest.mark.parametrize("slug", EVERY)
def test_the_page_shows_the_curve_and_the_cure_and_says_what_catches_it(slug: str, sections: dict[str, str]) -> None:
    section = sections[slug].split("\n## ")[0]
    figures = re.findall(r"figures/([a-z0-9-]+)\.svg", section)
    assert figures == [f"mistake-{slug}"], "its own curve and no other"
    assert section.strip().startswith("!["), "it stands beside the heading"
    assert f"```diff\n{EVERY[slug].diff()}\n```" in section
    cure, caught = section.split("**Cure.**")[1].split("**Caught by**")
    assert len(cure.split()) >= 3
    assert len(caught.split()) >= 5


def test_names_of_test_files_stand_in_one_folded_place(sections: dict[str, str]) -> None:
    page = (this_project().docs_dir / "when-training-goes-wrong.md").read_text(encoding="utf-8")
    assert not [slug for slug, section in sections.items() if "test_" in section or "tests/" in section]
    (line,) = [line for line in page.splitlines() if "tests/" in line]
    assert line.startswith("    "), "it is folded"
    for path in re.findall(r"tests/[\w/]+\.py", line):
        assert (this_project().root / path).is_file()


def test_every_mistake_has_a_symptom_by_which_it_is_found() -> None:
    page = (this_project().docs_dir / "when-training-goes-wrong.md").read_text(encoding="utf-8")
    table = page.split('class="columns two-of-five symptoms"')[1].split("</div>")[0]
    found = set(re.findall(r"\]\(#([a-z-]+)\)", table))
    for slug, mistake in EVERY.items():
        assert slug in found or mistake.symptom in found, slug


def test_each_unit_is_dropped_now_and_then_although_the_seed_is_fixed() -> None:
    """The page says so: it is why the curve shows nothing."""
    run = small_run(EVERY["seed-fixed"].planted(), dropout=0.2, num_parts=1, part_size=8)
    kept: list[torch.Tensor] = []
    dropout = run.model.blocks[0].mlp.dropout
    dropout.register_forward_hook(lambda module, given, result: kept.append((result != 0).float().mean(dim=(0, 1))))
    while not run.is_finished:
        run.training_step()
    share = torch.stack(kept).mean(dim=0)
    assert len(kept) == run.recipe.num_steps
    assert (share > 0.5).all()
    assert (share < 1).all()


def test_a_diff_is_the_lines_that_differ() -> None:
    assert EVERY["never-back-to-training"].diff() == "+ self.model.train()"
    assert EVERY["scores-not-divided"].diff().splitlines() == [
        "- scores = q @ k.mT  # (B, N, T, T)",
        "+ scores = q @ k.mT / head_dim**0.5  # (B, N, T, T)",
    ]
