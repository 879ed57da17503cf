"""A recipe of an assistant says how much its steps learn from."""

from pathlib import Path

import pytest
from small import TINY
from small_assistants import small_assistant

from gptbook.tasks.assistant_recipes import tokens_each_step


def test_a_step_learns_from_as_many_tokens_as_its_conversations_have_on_average(tmp_path: Path) -> None:
    task = small_assistant(tmp_path)
    lengths = [len(row.tokens) for row in task.conversations.training]
    mean = sum(lengths) / len(lengths)
    assert tokens_each_step(task.recipe, task.data_facts()) == pytest.approx(8 * mean, abs=0.5)
    assert tokens_each_step(TINY, {}) == TINY.batch_tokens
