"""How an assistant begins: its end mark, its steps, its adapters."""

from pathlib import Path

import torch
from runs import EXACT, finished
from small_assistants import dialogues, small_assistant
from tiny_models import PIECES, TEXT

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.conversations import ConversationSet
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.data.tokenizer_files import end_token
from gptbook.tasks.assistant_recipes import LoRAAssistantRecipe
from gptbook.tasks.open_run import open_run, text_tokenizer
from gptbook.training.engine import Run


def test_a_tokenizer_without_an_end_gets_one_and_the_other_tokens_stay(tmp_path: Path) -> None:
    for form in ("gpt-2", "modern"):
        bare = BytePairTokenizer.learn([TEXT], 280)
        task = small_assistant(tmp_path, form, tokenizer=bare)
        tokenizer = task.conversations.tokenizer
        assert end_token(tokenizer) == 280
        assert task.model.config.vocab_size == 281
        tokens = torch.tensor([bare.encode("to be or not")])
        logits = task.model(tokens)[0]
        before = small_assistant(tmp_path, form, tokenizer=PIECES)  # as many tokens as without the end, and one
        assert before.model.config.vocab_size == 280
        mean = logits[:, :280].mean(dim=1)
        torch.testing.assert_close(logits[:, 280], mean, rtol=0, atol=1e-5)
        Run(task, EXACT, rows_at_once=8).training_step()


def test_letters_end_an_answer_with_their_mark(tmp_path: Path) -> None:
    letters = CharacterTokenizer([*map(chr, range(32, 127)), "\n"])
    task = small_assistant(tmp_path, "modern", tokenizer=letters)
    assert task.conversations.tokenizer is letters
    row = task.conversations.training[0]
    assert row.tokens[0] == row.tokens[-1] == 0
    assert row.chosen[-1]
    run = finished(Run(task, EXACT, rows_at_once=8))
    run.save(tmp_path / "run")
    assert text_tokenizer(open_run(tmp_path / "run")).vocab_size == letters.vocab_size


def test_steps_and_measurements_follow_from_the_conversations(tmp_path: Path) -> None:
    recipe = small_assistant(tmp_path, num_steps=0).recipe
    rows = ConversationSet(dialogues(tmp_path), PIECES, 256)
    assert recipe.num_steps == 60, "of few conversations"
    assert recipe.evaluate_every == len(rows.training) // 8
    assert recipe.context_length == rows.longest_row < recipe.model_context_length == 256


def test_adapters_alone_learn(tmp_path: Path) -> None:
    task = small_assistant(tmp_path, lora_rank=2)
    assert isinstance(task.recipe, LoRAAssistantRecipe)
    before = {name: tensor.clone() for name, tensor in task.model.state_dict().items()}
    assert any("numbers learn, in adapters" in line for line in task.describe())
    run = finished(Run(task, EXACT, rows_at_once=8))
    moved = {name for name, tensor in run.model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved
    assert all(name.endswith((".down", ".up")) for name in moved)
