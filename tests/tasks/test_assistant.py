"""An assistant learns its answers and their ends, whatever a batch is cut into, and goes on bit for bit."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from forked import run_as_team
from runs import EXACT, finished, go_on
from small_assistants import SMALL_ASSISTANT, small_assistant
from tiny_models import PIECES, both_forms

from gptbook.data.chat_template import CHAT_TEMPLATE, TEMPLATE_FILE
from gptbook.data.tokenizer_files import end_token
from gptbook.tasks.assistant import AssistantTask
from gptbook.tasks.open_run import model_of, open_run, run_of, text_tokenizer
from gptbook.training.engine import Run


def run_with(task: AssistantTask, rows_at_once: int = 4) -> Run:
    return Run(task, EXACT, rows_at_once=rows_at_once)


@both_forms
def test_the_loss_is_the_mean_surprise_at_the_answers_written_out_here(form: str, tmp_path: Path) -> None:
    task = small_assistant(tmp_path, form)
    total = number = 0.0
    for place in range(8):
        (row,) = [task.conversations.training[task.places(0)[place]]]
        shares = task.model(torch.tensor([row.tokens]))[0].log_softmax(dim=-1)
        for position, own in enumerate(row.chosen):
            if own:
                total -= shares[position - 1, row.tokens[position]].item()
                number += 1
    assert task.loss(task.model, 0, slice(0, 8)).item() == pytest.approx(total / number, abs=1e-5)
    assert run_with(task).training_step() == pytest.approx(total / number, abs=1e-5)


def test_what_others_say_changes_the_loss_only_by_what_the_answers_see(tmp_path: Path) -> None:
    task = small_assistant(tmp_path)
    inputs, targets = task.on_device(task.conversations.training[:3])
    chosen = sum(row.num_chosen for row in task.conversations.training[:3])
    assert int((targets >= 0).sum()) == chosen < inputs.numel() / 2
    ends = (targets == end_token(PIECES)).sum(dim=1)
    assert (ends >= 1).all(), "each answer is asked for its end"


@both_forms
def test_parts_of_a_batch_add_up_to_its_step_though_answers_differ_in_length(form: str, tmp_path: Path) -> None:
    runs = [finished(run_with(small_assistant(tmp_path, form), at_once)) for at_once in (8, 2, 1)]
    for run in runs[1:]:
        assert run.losses == pytest.approx(runs[0].losses, abs=1e-5)
        for one, other in zip(run.model.parameters(), runs[0].model.parameters()):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-4)
        measured = [[each["held_out_loss"] for each in some.evaluations] for some in (run, runs[0])]
        assert measured[0] == pytest.approx(measured[1], abs=1e-4)


TEAM_SCRIPT = """
import json, sys
from pathlib import Path
from runs import EXACT
from small_assistants import small_assistant
from gptbook.machine.team import team_here, together
from gptbook.training.engine import Run

folder = Path(sys.argv[1])
team = team_here()
with together(team, lambda: small_assistant(folder / str(team.rank))) as task:
    run = Run(task, EXACT, team, rows_at_once=2)
    while not run.is_finished:
        run.training_step()
    if team.leads:
        said = {"losses": run.losses, "evaluations": run.evaluations}
        said["sums"] = [parameter.double().sum().item() for parameter in run.model.parameters()]
        (folder / "said.json").write_text(json.dumps(said))
"""


def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    for rank in "01":
        (tmp_path / rank).mkdir()
    run_as_team(TEAM_SCRIPT, str(tmp_path))
    said = json.loads((tmp_path / "said.json").read_text())
    alone = finished(run_with(small_assistant(tmp_path), 2))
    assert said["losses"] == pytest.approx(alone.losses, abs=1e-6)
    assert [each["held_out_loss"] for each in said["evaluations"]] == pytest.approx(
        [each["held_out_loss"] for each in alone.evaluations], abs=1e-5
    )
    sums = [parameter.double().sum().item() for parameter in alone.model.parameters()]
    assert said["sums"] == pytest.approx(sums, abs=1e-3)


@pytest.mark.parametrize("lora_rank", [None, 2])
def test_a_run_that_was_stopped_ends_in_the_same_bits(lora_rank: int | None, tmp_path: Path) -> None:
    whole = finished(run_with(small_assistant(tmp_path, lora_rank=lora_rank)))
    begun = run_with(small_assistant(tmp_path, lora_rank=lora_rank))
    for _ in range(2):
        begun.training_step()
    begun.save(tmp_path / "run")
    again = AssistantTask(begun.task.recipe, begun.task.conversations)  # type: ignore[arg-type, attr-defined]
    later = finished(go_on(run_with(again), tmp_path / "run"))
    assert later.losses == whole.losses
    assert later.evaluations == whole.evaluations
    for one, other in zip(later.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(one, other)


@both_forms
def test_it_learns_the_answers(form: str, tmp_path: Path) -> None:
    recipe = replace(SMALL_ASSISTANT, learning_rate=0.03, other_rate=0.03)
    task = small_assistant(tmp_path, form, recipe=recipe, num_steps=30)
    if form == "gpt-2":
        task.recipe = replace(task.recipe, learning_rate=0.01, other_rate=0.01)
    run = finished(run_with(task, 8))
    assert run.losses[-1] < run.losses[0] - 1
    assert run.evaluations[-1]["held_out_loss"] < run.losses[0] - 1


def test_a_saved_assistant_is_opened_with_its_template_and_measured_again(tmp_path: Path) -> None:
    run = finished(run_with(small_assistant(tmp_path)))
    run.save(tmp_path / "run")
    assert (tmp_path / "run" / TEMPLATE_FILE).read_text() == CHAT_TEMPLATE
    saved = open_run(tmp_path / "run")
    assert saved.recipe == run.recipe
    assert text_tokenizer(saved).vocab_size == PIECES.vocab_size
    tokens = torch.tensor([PIECES.encode("to be")])
    assert torch.equal(model_of(saved)(tokens), run.model.eval()(tokens))
    loss = run.evaluations[-1]["held_out_loss"]
    moved = (tmp_path / "dialogues.jsonl").rename(tmp_path / "moved.jsonl")
    assert run_of(saved, str(moved)).evaluate() == pytest.approx(loss, abs=0.02)
    with pytest.raises(ValueError, match=r"learned from cannot be had \(.*\): give --data with their file"):
        run_of(saved)
    lines = moved.read_text().splitlines()
    moved.write_text("\n".join(lines[:-1]))
    with pytest.raises(ValueError, match="holds another run"):
        run_of(saved, str(moved))


def test_it_says_how_much_of_the_conversations_is_learned(tmp_path: Path) -> None:
    task = small_assistant(tmp_path)
    said = "\n".join(task.describe())
    facts = task.data_facts()
    assert f"{facts['conversations']:,} conversations of dialogues" in said
    assert f"have {facts['training_answer_tokens']:,} of {facts['training_tokens']:,} tokens" in said
    assert "went on from random" in said
    assert f"{len(task.conversations.held_out)} others are kept" in said
    losses = [math.log(2), 0.5]
    assert "nats per token of the answers" in next(task.report(0.5, losses))
