"""Exams of models that live by their prompt: each answer can be found where the exam says, and nowhere else."""

import pytest

from gptbook.data.chats import ChatSet, chat_prompt
from gptbook.experiments.prompted import ChatExam, chat_exams, wrong_by_one
from gptbook.generation.tools import calculator

COUNTRIES = dict.fromkeys(("oslo", "moss", "bodo", "voss", "alta", "lier", "odda", "vega", "fana", "rena"), "NO")


@pytest.fixture(scope="module")
def chats() -> ChatSet:
    """Twenty names, of which some are held out."""
    more = {name[::-1] + "": "SE" for name in COUNTRIES if name[::-1] not in COUNTRIES}
    return ChatSet({**COUNTRIES, **more})


@pytest.fixture(scope="module")
def exams(chats: ChatSet) -> dict[str, ChatExam]:
    return chat_exams(chats, 2)


def rows(chats: ChatSet, exam: ChatExam) -> list[str]:
    return [chats.tokenizer.decode(chat_prompt(chat, chats.tokenizer)) for chat in exam.chats]


def test_every_question_has_one_answer(exams: dict[str, ChatExam]) -> None:
    assert all(len(exam.chats) == len(exam.answers) for exam in exams.values())
    assert all(exam.chats for word, exam in exams.items() if not word.startswith("no city"))


def test_what_was_told_stands_in_the_row_until_it_is_cut(chats: ChatSet, exams: dict[str, ChatExam]) -> None:
    for row, name in zip(rows(chats, exams["told"]), exams["told"].answers, strict=True):
        assert f"i live in {name}" in row
    for cut, whole in zip(exams["cut"].chats, exams["told"].chats, strict=True):
        assert cut == whole[2:]
    for row, name in zip(rows(chats, exams["capitals"]), exams["capitals"].answers, strict=True):
        assert row.startswith("#capitals<i live in ")
        assert name.isupper()
        assert name in row


def test_a_sum_is_asked_with_and_without_the_tool_and_its_result_is_right(exams: dict[str, ChatExam]) -> None:
    for word, begins in (("sum", "<"), ("sum by heart", "#")):
        for chat, result in zip(exams[word].chats, exams[word].answers, strict=True):
            assert chat[0].role == begins
            numbers = chat[-1].text.rstrip("?").split("+")
            assert int(result) == sum(map(int, numbers))


def test_the_broken_calculator_is_wrong_by_one_and_its_result_is_waited_for(exams: dict[str, ChatExam]) -> None:
    for wrong, right in zip(exams["wrong tool"].answers, exams["sum"].answers, strict=True):
        assert int(wrong) == int(right) + 1
    assert exams["wrong tool"].tools["sum"]("1+1") == "3"
    assert exams["sum"].tools["sum"]("1+1") == "2"
    assert wrong_by_one("a+b") == calculator("a+b")
