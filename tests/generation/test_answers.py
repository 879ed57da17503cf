"""Fine-tuning, answering and preferring: what an assistant is made by, on models that need no time."""

import pytest
import torch
from small_dialogues import CONFIG, DIALOGUES, TOKENIZER, opinionated
from ties import agree_but_for_ties
from torch import Tensor, nn

from gptbook.data.dialogues import (
    ASSISTANT,
    USER,
    InstructSet,
    prompt_tokens,
)
from gptbook.generation.answers import exact_match, greedy_answers, reply
from gptbook.generation.generate import generate_tokens
from gptbook.models.attention import KVCache
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT


class Says:
    """A model that has its answers by heart: after the question, letter by letter, the given text."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.config = CONFIG
        self.answers = answers
        self.read: list[list[int]] = []

    def __call__(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        if cache is not None:
            fresh = cache.length == 0
            for layer in cache.layers:
                keys = torch.zeros(tokens.shape[0], 1, tokens.shape[1], 1)
                layer.extend(keys, keys)
            self.read = (
                tokens.tolist() if fresh else [row + new for row, new in zip(self.read, tokens.tolist(), strict=True)]
            )
        logits = torch.zeros(*tokens.shape, CONFIG.vocab_size)
        for row, read in enumerate(self.read):
            question, _, said = TOKENIZER.decode(read).removeprefix(USER).partition(ASSISTANT)
            rest = self.answers[question].removeprefix(said)
            logits[row, -1, TOKENIZER.ids[rest[0]] if rest else 0] = 1
        return logits


@pytest.fixture(params=[GPT, ModernGPT])
def model(request: pytest.FixtureRequest) -> nn.Module:
    """A model with random numbers, large enough that its answers differ."""
    return opinionated(request.param)


def test_many_prompts_at_once_are_answered_as_one_by_one(model: GPT | ModernGPT) -> None:
    prompts = [prompt_tokens(TOKENIZER, dialogue.question) for dialogue in DIALOGUES]
    one_by_one = [generate_tokens(model, prompt, 6, temperature=0, stop_token=0) for prompt in prompts]
    for prompt, together, alone in zip(prompts, greedy_answers(model, prompts, 6), one_by_one, strict=True):
        short = min(len(together), len(alone))  # an answer may end at a tie
        assert agree_but_for_ties(model, prompt, together[:short], alone[:short])
        assert together[:short] != alone[:short] or len(together) == len(alone)
    assert len({tuple(answer) for answer in one_by_one}) > 1, "answers differ, or this shows little"


def test_an_answer_ends_where_the_context_is_full(model: GPT | ModernGPT) -> None:
    model.config = GPTConfig(**{**vars(CONFIG), "context_length": 10})
    prompt = prompt_tokens(TOKENIZER, "a?")
    assert all(len(answer) <= 10 + 1 - len(prompt) for answer in greedy_answers(model, [prompt], 40))
    assert len(reply(model, TOKENIZER, "a?")) <= 10 - len(prompt)


def test_a_right_answer_is_right_letter_for_letter_and_ends() -> None:
    right = {"oslo?": "o", "lima?": "l", "a?": "ab", "rome or bonn?": "bonn"}
    assert exact_match(Says(right), TOKENIZER, DIALOGUES) == 1
    for wrong in ("on", "", "l", " o"):
        assert exact_match(Says({**right, "oslo?": wrong}), TOKENIZER, DIALOGUES) == 3 / 4
    goes_on = Says({**right, "rome or bonn?": "bonn and so on"})
    assert exact_match(goes_on, TOKENIZER, DIALOGUES) == 3 / 4


def test_the_share_of_no_questions_is_refused() -> None:
    with pytest.raises(ValueError, match="there are no questions"):
        exact_match(Says({}), TOKENIZER, [])


def test_a_reply_stops_at_the_end_mark() -> None:
    assert reply(Says({"oslo?": "o"}), TOKENIZER, "oslo?") == "o"
    assert reply(Says({"oslo?": "on and on"}), TOKENIZER, "oslo?", max_letters=4) == "on a"


def test_a_question_that_leaves_no_room_is_refused_in_its_own_words(model: GPT | ModernGPT) -> None:
    room = CONFIG.context_length - len(prompt_tokens(TOKENIZER, ""))
    assert len(reply(model, TOKENIZER, "a" * (room - 1))) <= 1
    for length in (room, room + 1, room + 50):
        with pytest.raises(ValueError, match=f"question has {length} letters.* holds {room - 1} ") as caught:
            reply(model, TOKENIZER, "a" * length)
        assert "num_new" not in str(caught.value)
    with pytest.raises(ValueError, match="max_letters is 0"):
        reply(model, TOKENIZER, "a?", max_letters=0)


# ---- preferences ----


def test_questions_of_the_book_fit_into_the_models_that_answer_them() -> None:
    instructions = InstructSet()
    longest = max(
        len(prompt_tokens(instructions.tokenizer, dialogue.question)) + len(dialogue.answer)
        for dialogue in (*instructions.unasked(), *instructions.held_out("stadium", 50, seed=0))
    )
    assert longest <= 64
