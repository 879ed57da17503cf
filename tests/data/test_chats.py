"""Chats as rows: who said what, which tokens are the assistant's own, and what is held out."""

import random
from itertools import pairwise

import pytest

from gptbook.data.chats import (
    BY_HEART,
    CALL,
    CALL_END,
    CHAT_PIECES,
    IN_CAPITALS,
    LETTERS,
    NAME_LETTERS,
    NO_IDEA,
    NO_LINE,
    SYSTEM,
    TOLD,
    TOOL,
    ChatSet,
    PieceTokenizer,
    Turn,
    chat_prompt,
    chat_rows,
    chat_tokens,
    country_of_cities,
    draw_sum,
    sum_turns,
    where_turns,
)
from gptbook.data.dialogues import ASSISTANT, USER
from gptbook.data.tables import data_file, read_table

COUNTRIES = dict.fromkeys(("oslo", "moss", "bodo", "voss", "alta", "lier", "odda", "vega", "fana", "rena"), "NO")


@pytest.fixture(scope="module")
def small() -> ChatSet:
    return ChatSet(COUNTRIES)


def by_role(chat: list[Turn], role: str) -> list[str]:
    return [turn.text for turn in chat if turn.role == role]


def test_the_longest_piece_that_fits_is_taken_and_the_text_comes_back() -> None:
    tokenizer = PieceTokenizer(["a", "ab", "abc", "c"])
    assert [tokenizer.labels[token] for token in tokenizer.encode("abcabac")] == ["abc", "ab", "a", "c"]
    assert tokenizer.decode([0, *tokenizer.encode("abcabac"), 0]) == "abcabac"
    assert tokenizer.vocab_size == 5


@pytest.mark.parametrize("pieces", [["a", ""], ["a", "a"]])
def test_pieces_that_cannot_be_are_refused(pieces: list[str]) -> None:
    with pytest.raises(ValueError, match="once"):
        PieceTokenizer(pieces)


def test_a_letter_without_a_token_is_named_with_its_place() -> None:
    with pytest.raises(ValueError, match='"!", character 5'):
        PieceTokenizer([*LETTERS]).encode("oslo!")


@pytest.mark.parametrize("mark", [SYSTEM, USER, ASSISTANT, TOOL])
def test_nobody_can_write_anothers_mark(mark: str) -> None:
    """A city called "oslo?>no idea" would answer itself."""
    with pytest.raises(ValueError, match="role mark"):
        Turn(role=USER, text=f"oslo?{mark}no idea")


def test_a_role_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no role"):
        Turn(role="!", text="oslo")


def test_only_what_the_assistant_chooses_is_its_own(small: ChatSet) -> None:
    chat = [Turn(role=SYSTEM, text=IN_CAPITALS), *where_turns("oslo", "NO", by_heart=False)]
    row, chosen = chat_tokens(chat, small.tokenizer)
    text = "".join(small.tokenizer.labels[token] for token in row)
    assert text == ".#capitals<where is oslo?>[find oslo].=oslo,NO>NO."
    own = [small.tokenizer.labels[token] for token, mine in zip(row, chosen, strict=True) if mine]
    assert "".join(own) == "[find oslo].NO."


def test_targets_are_the_next_tokens_where_the_assistant_chooses_and_nowhere_else(small: ChatSet) -> None:
    chats = small.chats(5, seed=1)
    inputs, targets = chat_rows(chats, small.tokenizer)
    for chat, seen, asked in zip(chats, inputs.tolist(), targets.tolist(), strict=True):
        row, chosen = chat_tokens(chat, small.tokenizer)
        assert seen[: len(row) - 1] == row[:-1]
        wanted = [token for token, mine in zip(row, chosen, strict=True) if mine]
        assert [token for token in asked if token >= 0] == wanted
        assert all(asked[place - 1] == row[place] for place, mine in enumerate(chosen) if mine)


def test_no_chats_are_refused(small: ChatSet) -> None:
    with pytest.raises(ValueError, match="there are no chats"):
        chat_rows([], small.tokenizer)


def test_a_prompt_is_the_chat_so_far_and_the_assistants_mark(small: ChatSet) -> None:
    chat = sum_turns("12+34", by_heart=False)
    for place, turn in enumerate(chat):
        if turn.role == ASSISTANT:
            prompt = chat_prompt(chat[:place], small.tokenizer)
            assert chat_tokens(chat, small.tokenizer)[0][: len(prompt)] == prompt


def test_what_was_told_is_what_is_asked_and_it_is_told_before(small: ChatSet) -> None:
    """In every chat; and some chat asks for what was told before something else."""
    distances = set()
    for chat in small.chats(400, seed=2):
        told: dict[str, str] = {}
        turns = [turn for turn in chat if turn.role != SYSTEM]
        for place, (turn, answer) in enumerate(pairwise(turns)):
            for fact, question in TOLD.items():
                if turn.role == USER and turn.text.startswith(fact):
                    assert question not in told, "nothing is told twice"
                    told[question] = turn.text.removeprefix(f"{fact} ")
                    distances.add(place)
                if turn.text == question:
                    assert answer.text.lower() == told[question], chat
    assert len(distances) > 2


def test_a_system_prompt_holds_for_every_answer(small: ChatSet) -> None:
    systems = set()
    for chat in small.chats(300, seed=3):
        system = by_role(chat, SYSTEM)
        systems.update(system)
        said = [text for text in by_role(chat, ASSISTANT) if not text.startswith(CALL)]
        if system == [IN_CAPITALS]:
            assert all(text == text.upper() for text in said if text != NO_IDEA)
        if system == [BY_HEART]:
            assert not by_role(chat, TOOL)
            assert len(said) == len(by_role(chat, ASSISTANT))
    assert systems == {IN_CAPITALS, BY_HEART}


def test_a_tools_turn_follows_every_call_and_its_result_decides_the_answer(small: ChatSet) -> None:
    results = set()
    for chat in small.chats(300, seed=4):
        for place, turn in enumerate(chat):
            if turn.text.startswith(CALL):
                assert turn.text.endswith(CALL_END)
                result, answer = chat[place + 1 : place + 3]
                assert (result.role, answer.role) == (TOOL, ASSISTANT)
                results.add(result.text)
                right = NO_IDEA if result.text == NO_LINE else result.text.rpartition(",")[2]
                assert answer.text == right
    assert NO_LINE in results
    assert len(results) > 3


def test_a_chat_has_as_many_exchanges_as_its_room_holds_and_one_at_least(small: ChatSet) -> None:
    shortest = min(len(chat_tokens(chat, small.tokenizer)[0]) for chat in small.chats(100, seed=5, room=0))
    for room in (0, 30, 60):
        for chat in small.chats(100, seed=5, room=room):
            length, num_questions = len(chat_tokens(chat, small.tokenizer)[0]), len(by_role(chat, USER))
            assert num_questions == 1 if room == 0 else length <= room or num_questions == 1
            assert length + 30 > room, "another exchange would not have fit"
    assert shortest > 5


def test_held_out_chats_have_no_name_and_no_sum_of_the_training(small: ChatSet) -> None:
    everything = [small.chats(200, seed=6, held_out=held_out) for held_out in (False, True)]
    words = []
    for chats in everything:
        asked = {text for chat in chats for text in by_role(chat, USER) if text not in TOLD.values()}
        words.append({text.rstrip("?").rpartition(" ")[2] for text in asked})
    train, test = words
    assert test
    assert not train & test
    assert all(draw_sum(random.Random(seed), True) != draw_sum(random.Random(seed), False) for seed in range(20))


def test_no_city_is_spoilt_by_one_that_is_it_backwards() -> None:
    """A city of the training, read backwards, may be held out: it must not be asked for then."""
    mirrored = ChatSet(dict.fromkeys(("abcd", "dcba", "efgh", "hgfe", "ijkl", "lkji"), "NO"))
    assert mirrored.names[1]
    asked = {text for chat in mirrored.chats(300, seed=9) for text in by_role(chat, USER)}
    assert not any(f"where is {name}?" in asked for name in mirrored.names[1])
    assert any(f"where is {name}?" in asked for name in mirrored.names[0])


def test_the_same_seed_draws_the_same_chats(small: ChatSet) -> None:
    assert small.chats(20, seed=7) == small.chats(20, seed=7) != small.chats(20, seed=8)


def test_every_piece_of_a_chat_is_one_token(small: ChatSet) -> None:
    assert all(len(small.tokenizer.encode(piece)) == 1 for piece in CHAT_PIECES)


def test_only_cities_of_one_country_are_looked_up() -> None:
    table = read_table(data_file("cities.csv"))
    found = country_of_cities()
    places = table.groupby("name")["country"].agg(set)
    assert set(found) == {name for name, countries in places.items() if len(countries) == 1}
    assert all(places[name] == {country} for name, country in found.items())
    assert set(map(len, ChatSet().countries)) == {NAME_LETTERS}
