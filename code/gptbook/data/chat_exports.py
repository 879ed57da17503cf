"""Chats that readers export from WhatsApp, Telegram and ChatGPT, as plain text.

Nothing is sent anywhere: names and messages stay on this machine.

Sources: what the three write, as it was seen in 2026; none of them documents it all.
WhatsApp: a line "date, time - name: text" on Android, "[date, time] name: text" on iOS.
Telegram Desktop: `result.json`, https://core.telegram.org/import-export.
ChatGPT: `conversations.json`, in which each conversation is a tree of messages.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from gptbook.files.nearest_word import quoted

DATE = r"\d{1,4}[./-]\s?\d{1,2}[./-]\s?\d{1,4}\.?"
HALF_DAY = r"(?:[^\W\d_]{1,6}\.?\s?)"  # AM, p. m., klo, in any language
MINUTE = rf"{DATE},?\s{HALF_DAY}?\d{{1,2}}[:.]\d{{2}}"
IN_HALF = rf"(?:\s?{HALF_DAY}{{1,2}})?"
HEADER = re.compile(  # with seconds only in brackets: a program's log has them, too
    rf"\[{MINUTE}(?:[:.]\d{{2}})?{IN_HALF}\]\s|{MINUTE}{IN_HALF}\s[-–]\s"
)
CHAT_NAME = re.compile(r"_chat\.txt$|whatsapp[ -]chat\b.*\.txt$", re.IGNORECASE)
# Invisible: which way to write. WhatsApp puts them around names, and before what is its
# own and not the sender's: "image omitted", "Messages are end-to-end encrypted".
DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
OWN_WORDS = "\u200e"
PLACEHOLDER = re.compile(  # of Android; each language has its words in the brackets
    r"<(?![/a-zA-Z0-9]+>)[^<>\n]{3,60}>|null"
    r"|(?:This message was deleted|You deleted this message)\.?"
)
ATTACHED = re.compile(  # a file's name; a sender's own "(page 3)" after one is none
    r"(?:[A-Z]{3}-\d{8}-WA\d+\.\w{2,5} \([^()\n]+\)|[^\n]+ \(file attached\))(?:\n|$)"
)
EDITED = re.compile(r"\u200e?<This message was edited>$|\u200e<[^<>\n]+>$")
LONGEST_SENDER = 100
TELEGRAM_NOTICES = ("service", "unsupported")
CITATION = re.compile("\ue200[^\ue201]*\ue201")  # where ChatGPT marks a source
ROLE_NAMES = {"user": "User", "assistant": "Assistant"}
# Files beside an export that hold the same once more, or cards of addresses.
OTHER_COPIES = re.compile(r"(?:.*/)?(?:chat|messages\d*)\.html|.*\.vcf", re.IGNORECASE)


@dataclass
class ChatCounts:
    """What exports of one kind held."""

    chats: int = 0
    people: set[str] = field(default_factory=set)
    messages: int = 0
    without_text: int = 0
    notices: int = 0

    def message(self, sender: str, text: str) -> str:
        """A message as a line of the text, or several; "" for one without text."""
        text = text.strip()
        if not text:
            self.without_text += 1
            return ""
        self.people.add(sender)
        self.messages += 1
        return f"{sender}: {text}\n"


class ChatTally(dict[str, ChatCounts]):
    """What exports held, by the app that wrote them."""


def whatsapp_chat(text: str, tally: ChatTally) -> str | None:
    """A WhatsApp export as "name: text" lines; None if the text is no such export.

    It is one if it begins with a date and a time as WhatsApp writes them, and at least
    two messages do. A message may go over several lines. What is only said to be there,
    a picture or a deleted message, is left out, and so are WhatsApp's own notices.
    """
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if not HEADER.match(DIRECTIONS.sub("", first)):
        return None
    messages: list[list[str]] = []
    for line in lines:
        plain = line.lstrip("\u200e\u200f\ufeff")
        if found := HEADER.match(plain):
            messages.append([plain[found.end() :]])
        elif messages:
            messages[-1].append(line)
    parted = [whole_sender("\n".join(each)) for each in messages]
    if sum(sender != "" for sender, _ in parted) < 2:
        return None
    counts = tally.setdefault("WhatsApp", ChatCounts())
    counts.chats += 1
    written = []
    for sender, message in parted:
        if sender:
            written.append(counts.message(sender, sent_text(message)))
        else:
            counts.notices += 1
    return "".join(written)


def whole_sender(message: str) -> tuple[str, str]:
    """Who wrote a message, and what; nobody, if it is a notice of WhatsApp's own."""
    sender, colon, text = message.partition(": ")
    if not colon:
        sender, colon, text = message.partition(":\n")  # an empty first line
    sender = DIRECTIONS.sub("", sender).strip().removeprefix("~").strip()
    is_one = colon and 0 < len(sender) <= LONGEST_SENDER and "\n" not in sender
    return (sender, text) if is_one else ("", message)


def sent_text(message: str) -> str:
    """What the sender wrote, without what WhatsApp says about it; "" if that is all."""
    text = EDITED.sub("", message.strip(" \n"))
    if text.startswith(OWN_WORDS):
        return ""
    text = DIRECTIONS.sub("", text)
    if attached := ATTACHED.match(text):
        text = text[attached.end() :]
    return "" if PLACEHOLDER.fullmatch(text.strip()) else text


def json_chats(content: Any, where: str, tally: ChatTally) -> Iterator[str] | None:
    """The chats in Telegram's or ChatGPT's JSON; None if it has neither's shape."""
    if isinstance(content, dict):
        if isinstance(content.get("messages"), list) and "type" in content:
            return telegram_chats([content], where, tally)
        listed = [
            content[key]["list"]
            for key in ("chats", "left_chats")
            if isinstance(content.get(key), dict)
            and isinstance(content[key].get("list"), list)
        ]
        if listed:
            return telegram_chats(list(chain(*listed)), where, tally)
        content = content.get("conversations", [content])
    if isinstance(content, list) and content:
        trees = [each for each in content if isinstance(each, dict)]
        if len(trees) == len(content) and all("mapping" in each for each in trees):
            return chatgpt_chats(trees, where, tally)
    return None


def telegram_chats(chats: list[Any], where: str, tally: ChatTally) -> Iterator[str]:
    """Each chat of a Telegram export as "name: text" lines.

    Raises ValueError, which names the message, if one is not as Telegram writes it.
    """
    counts = tally.setdefault("Telegram", ChatCounts())
    for place, chat in enumerate(chats, start=1):
        if not isinstance(chat, dict) or not isinstance(chat.get("messages"), list):
            raise ValueError(
                f"chat {place} of {where} has no messages as Telegram writes them: "
                "export it again from Telegram Desktop, as JSON"
            )
        counts.chats += 1
        written = []
        for number, message in enumerate(chat["messages"], start=1):
            kind = message.get("type") if isinstance(message, dict) else None
            if kind not in ("message", *TELEGRAM_NOTICES):
                raise unknown_message(number, place, where, "Telegram")
            if kind != "message":
                counts.notices += 1
                continue
            parts = message.get("text", "")
            parts = parts if isinstance(parts, list) else [parts]
            text = ""
            for part in parts:
                piece = part.get("text") if isinstance(part, dict) else part
                if not isinstance(piece, str):
                    raise unknown_message(number, place, where, "Telegram")
                text += piece
            sender = message.get("from") or message.get("from_id") or "Deleted Account"
            written.append(counts.message(str(sender), text))
        yield "".join(written)


def chatgpt_chats(trees: list[Any], where: str, tally: ChatTally) -> Iterator[str]:
    """Each conversation of a ChatGPT export, as it stood last, as "name: text" lines.

    Where an answer was asked for again, or a question changed, the tree branches; what
    was seen last is the path to its current node. Raises ValueError, which names the
    conversation, for what is no tree.
    """
    counts = tally.setdefault("ChatGPT", ChatCounts())
    for place, tree in enumerate(trees, start=1):
        counts.chats += 1
        written = []
        for number, node in enumerate(last_path(tree, place, where), start=1):
            message = node.get("message")
            if message is None:
                continue
            try:
                role = message["author"]["role"]
                text = chatgpt_text(message) if role in ROLE_NAMES else None
            except (KeyError, TypeError, AttributeError):
                raise unknown_message(number, place, where, "ChatGPT") from None
            if text is None:
                counts.notices += 1
            else:
                written.append(counts.message(ROLE_NAMES[role], text))
        yield "".join(written)


def last_path(tree: dict[str, Any], place: int, where: str) -> list[dict[str, Any]]:
    """The nodes from the root of a conversation to its current one."""
    nodes, at = tree["mapping"], tree.get("current_node")
    path: list[dict[str, Any]] = []
    is_tree = isinstance(nodes, dict) and (at is not None or not nodes)
    while is_tree and at is not None:
        node = nodes.get(at) if isinstance(at, str) else None
        is_tree = isinstance(node, dict) and len(path) < len(nodes)
        if isinstance(node, dict):
            path.append(node)
            at = node.get("parent")
    if not is_tree:
        title = quoted(str(tree.get("title")))
        raise ValueError(
            f"conversation {place} of {where}, {title}, is no tree of messages that "
            "ends in its current_node, as ChatGPT writes it: export it again"
        )
    return path[::-1]


def chatgpt_text(message: dict[str, Any]) -> str | None:
    """What a message shows in words; None for what is not shown: tools, thoughts."""
    hidden = (message.get("metadata") or {}).get("is_visually_hidden_from_conversation")
    content = message["content"]
    is_said = content["content_type"] in ("text", "multimodal_text")
    if hidden or not is_said or message.get("recipient", "all") != "all":
        return None
    parts = [
        part.get("text") or "" if isinstance(part, dict) else part
        for part in content["parts"]
    ]
    return CITATION.sub("", "\n".join(part for part in parts if part))


def unknown_message(number: int, place: int, where: str, app: str) -> ValueError:
    """That a message has another shape than it should."""
    return ValueError(
        f"message {number} of chat {place} in {where} is not as {app} writes it: "
        "export it again, or leave that message out"
    )


def told_exports(tally: ChatTally) -> Iterator[str]:
    """What was recognised, a sentence for each kind of export."""
    for app, counts in tally.items():
        chats = "" if counts.chats == 1 else f"{counts.chats:,} chats, "
        people = counted(len(counts.people), "person", "people")
        notices = counted(counts.notices, "notice of the app", "notices of the app")
        without = counts.without_text
        left_out = [f"{without:,} without text"] if without else []
        left_out += [notices] if counts.notices else []
        yield (
            f"a {app} export: {chats}{people}, "
            f"{counted(counts.messages, 'message', 'messages')}"
            + (f"; left out: {' and '.join(left_out)}" if left_out else "")
        )


def counted(number: int, one: str, many: str) -> str:
    """So many of something.

    >>> counted(1, "person", "people")
    '1 person'
    """
    return f"{number:,} {one if number == 1 else many}"
