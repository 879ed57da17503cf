"""Chats as people export them: names and words are kept, what the apps add is left out, and a wrong shape is named.

All chats are made up.
"""

from typing import Any

import pytest

from gptbook.data.chat_exports import ChatTally, json_chats, told_exports, whatsapp_chat

ANDROID = """\
12/31/23, 9:14 PM - Messages and calls are end-to-end encrypted. Learn more.
12/31/23, 9:15 PM - Ada: Happy new year!
It is nearly midnight.

Where are you?
12/31/23, 9:16 PM - Brook: <Media omitted>
12/31/23, 9:17 PM - Brook: at home: reading
12/31/23, 9:18 PM - Ada added Cleo
12/31/23, 9:19 PM - Cleo: null
12/31/23, 9:20 PM - Cleo: This message was deleted
1/1/24, 12:00 AM - Cleo: IMG-20240101-WA0001.jpg (file attached)
fireworks!
1/1/24, 12:01 AM - Ada: lovely <This message was edited>
"""
IOS = """\
\u200e[31.12.23, 21:14:00] Birthday: \u200eMessages and calls are end-to-end encrypted.
[31.12.23, 21:15:07] Ada: Hello
you two
\u200e[31.12.23, 21:15:30] Brook: \u200eimage omitted
[31.12.23, 21:16:00] ~\u202fBrook: @\u2068Ada\u2069 hi \u200e<This message was edited>
"""
OTHER_STAMPS = [
    "31/12/2023, 21:15 - ",
    "31.12.23, 21:15 - ",
    "2023-12-31, 21:15 - ",
    "31/12/2023 21:15 - ",
    "12/31/23, 9:15\u202fPM - ",
    "31/12/23, 9:15 p. m. - ",
    "2023. 12. 31. 오후 9:15 - ",
    "[31/12/2023 21:15:07] ",
    "[12/31/23, 9:15:07\u202fPM] ",
    "[31.12.2023 klo 21.15.07] ",
    "\u200e[31/12/2023, 21:15:07] ",
]


def whatsapp(text: str) -> tuple[str | None, list[str]]:
    tally = ChatTally()
    return whatsapp_chat(text, tally), list(told_exports(tally))


def test_a_chat_from_android_keeps_who_said_what() -> None:
    text, told = whatsapp(ANDROID)
    assert text == (
        "Ada: Happy new year!\nIt is nearly midnight.\n\nWhere are you?\nBrook: at home: reading\n"
        "Cleo: fireworks!\nAda: lovely\n"
    )
    assert told == ["a WhatsApp export: 3 people, 4 messages; left out: 3 without text and 2 notices of the app"]


def test_a_chat_from_an_iphone_keeps_who_said_what_without_invisible_marks() -> None:
    text, told = whatsapp(IOS)
    assert text == "Ada: Hello\nyou two\nBrook: @Ada hi\n"
    assert told == ["a WhatsApp export: 2 people, 2 messages; left out: 2 without text"]


@pytest.mark.parametrize("stamp", OTHER_STAMPS)
def test_dates_and_times_of_many_countries_are_known(stamp: str) -> None:
    assert whatsapp(f"{stamp}Ada: one\ntwo\n{stamp}Brook: three\n")[0] == "Ada: one\ntwo\nBrook: three\n"


@pytest.mark.parametrize(
    "text",
    [
        "Dear diary,\n12/31/23, 9:15 PM - Ada: not an export\n12/31/23, 9:16 PM - Ada: but a quote\n",
        "12/31/23, 9:15 PM - a note of mine\nwith some lines\n",
        "31.12.23 was a good day: really\n31.12.23 was another: yes\n",
        "2024-01-05 10:15:22 - INFO: started\n2024-01-05 10:15:23 - INFO: ended\n",
        "[1] A reference: to a book\n[2] Another: one\n",
        "",
        "\n\n",
    ],
)
def test_a_text_that_only_looks_a_little_like_a_chat_is_left_as_it_is(text: str) -> None:
    assert whatsapp(text) == (None, [])


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("see report.pdf (page 3)", "see report.pdf (page 3)"),
        ("My CV.pdf (file attached)", ""),
        ("VID-20240101-WA0002.mp4 (Datei angehängt)\nlook", "look"),
        ("<br>", "<br>"),
        ("<Medien ausgeschlossen>", ""),
        ("<省略多媒体文件>", ""),
        ("a < b and c > d", "a < b and c > d"),
        ("\u200ePOLL:\nWhen?", ""),
        ("nullify it", "nullify it"),
        ("a" + " " * 50_000 + "b", "a" + " " * 50_000 + "b"),
    ],
    ids=lambda text: text[:12],
)
def test_only_what_the_app_says_itself_is_left_out_of_a_message(message: str, kept: str) -> None:
    start = "31.12.23, 21:15 - Ada: "
    text, _ = whatsapp(f"{start}first\n{start}{message}\n{start}last\n")
    assert text == "Ada: first\n" + (f"Ada: {kept}\n" if kept else "") + "Ada: last\n"


def telegram(*messages: Any) -> dict[str, Any]:
    return {"name": "Ada", "type": "personal_chat", "id": 1, "messages": list(messages)}


def said(text: Any, sender: str | None = "Ada") -> dict[str, Any]:
    return {"id": 1, "type": "message", "date": "2024-01-01T00:00:00", "from": sender, "from_id": "user7", "text": text}


def read(content: Any) -> tuple[list[str] | None, list[str]]:
    tally = ChatTally()
    chats = json_chats(content, "result.json", tally)
    return (None if chats is None else list(chats)), list(told_exports(tally))


def test_a_chat_from_telegram_has_its_links_and_bold_words_in_place() -> None:
    parts = ["see ", {"type": "link", "text": "https://example.org"}, " and ", {"type": "bold", "text": "smile"}]
    service = {"id": 2, "type": "service", "action": "phone_call", "text": ""}
    unsupported = {"id": 3, "type": "unsupported"}
    chats, told = read(
        telegram(said("Hello\nyou"), service, unsupported, said(parts, "Brook"), said(""), said("old", None))
    )
    assert chats == ["Ada: Hello\nyou\nBrook: see https://example.org and smile\nuser7: old\n"]
    assert told == [
        "a Telegram export: 3 people, 3 messages; left out: 1 without text and 2 notices of the app",
    ]


def test_all_of_telegram_is_a_document_for_each_chat() -> None:
    whole = {
        "about": "",
        "chats": {"list": [telegram(said("a")), telegram()]},
        "left_chats": {"list": [telegram(said("b"))]},
    }
    assert read(whole) == (["Ada: a\n", "", "Ada: b\n"], ["a Telegram export: 3 chats, 1 person, 2 messages"])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (telegram(said("a"), "b"), r"message 2 of chat 1 in result\.json is not as Telegram writes it"),
        (telegram({"sender_name": "Ada", "content": "of another app"}), r"message 1 of chat 1 in"),
        (telegram(said(7)), r"message 1 of chat 1 in"),
        (telegram(said([["a"]])), r"message 1 of chat 1 in"),
        ({"chats": {"list": [telegram(), {"name": "x"}]}}, r"chat 2 of result\.json has no messages as Telegram"),
        ([{"mapping": {}, "current_node": "gone", "title": "T"}], r'conversation 1 of result\.json, "T", is no tree'),
        ([{"mapping": {"a": {"parent": "a"}}, "current_node": "a"}], r"conversation 1 of .* is no tree"),
        ([{"mapping": [], "current_node": "a"}], r"conversation 1 of .* is no tree"),
        ([{"mapping": {"a": {"message": {}, "parent": None}}, "current_node": "a"}], r"message 1 of chat 1 in"),
    ],
)
def test_an_export_of_another_shape_is_named_to_the_message(content: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read(content)


@pytest.mark.parametrize(
    "content", [{}, [], [1], "text", 7, None, {"messages": [1]}, [{"title": "no tree"}], {"a": []}]
)
def test_other_json_is_no_export(content: Any) -> None:
    assert read(content) == (None, [])


def node(parent: str | None, role: str, parts: list[Any], kind: str = "text", **more: Any) -> dict[str, Any]:
    message = {"author": {"role": role}, "content": {"content_type": kind, "parts": parts}, "recipient": "all", **more}
    return {"parent": parent, "children": [], "message": message}


def test_a_conversation_with_chatgpt_is_the_path_that_was_seen_last() -> None:
    nodes = {
        "root": {"parent": None, "children": ["system"], "message": None},
        "system": node("root", "system", [""]),
        "context": node("system", "user", ["about me"], metadata={"is_visually_hidden_from_conversation": True}),
        "ask": node("context", "user", ["What is", "a tree?"]),
        "first": node("ask", "assistant", ["A plant."]),
        "again": node("ask", "assistant", ["A graph without circles. \ue200cite\ue202turn0\ue201"]),
        "call": node("again", "assistant", ["search()"], recipient="browser"),
        "tool": {"parent": "call", "message": {"author": {"role": "tool"}, "content": None}},
        "image": node("tool", "user", [{"content_type": "image_asset_pointer"}, "and this?"], "multimodal_text"),
        "only": node("image", "user", [{"content_type": "image_asset_pointer"}], "multimodal_text"),
        "thoughts": {
            "parent": "only",
            "message": {"author": {"role": "assistant"}, "content": {"content_type": "thoughts", "thoughts": []}},
        },
        "end": node("thoughts", "assistant", ["An oak."]),
    }
    tree = {"title": "Trees", "mapping": nodes, "current_node": "end"}
    expected = "User: What is\na tree?\nAssistant: A graph without circles.\nUser: and this?\nAssistant: An oak.\n"
    empty = {"title": "", "mapping": {}, "current_node": None}
    told = ["a ChatGPT export: 2 chats, 2 people, 4 messages; left out: 1 without text and 5 notices of the app"]
    assert read([tree, empty]) == ([expected, ""], told)
    assert read(tree)[0] == [expected]
    assert read({"conversations": [tree]})[0] == [expected]
