"""`gptbook chat`: talk to an assistant, in a terminal or line by line from a pipe."""

import argparse
import io
import sys
from collections.abc import Iterator
from contextlib import closing, suppress

import torch

from gptbook.cli.arguments import typed_text
from gptbook.cli.console import complain, one_sentence
from gptbook.cli.forms import check_form
from gptbook.cli.weights import open_weights
from gptbook.cli.write import refuse_tokenizer, sampling_form
from gptbook.files.nearest_word import hint, quoted
from gptbook.files.text_files import in_alphabet
from gptbook.generation.chatting import ANSWER_TOKENS, Chat
from gptbook.tasks.assistant_recipes import AssistantRecipe
from gptbook.tasks.open_run import check_text_run, text_model_in

COMMANDS = {
    "/reset": "forget all that was said, except --system",
    "/help": "these lines",
    "/quit": "end; so does Ctrl-D",
}
PROMPT = "you> "


def chat_command(options: argparse.Namespace) -> None:
    """Talk until the reader ends it. Raises ValueError if the run is no assistant's."""
    check_form(options, "chat", sampling_form(options))
    chat = open_chat(options)
    if isinstance(sys.stdin, io.TextIOWrapper):  # what is no UTF-8 is told as a mistake
        sys.stdin.reconfigure(errors="surrogateescape")
    if sys.stdin.isatty():
        with suppress(ImportError):  # lines can be edited, and found again
            import readline  # noqa: F401  # pragma: no cover
        talk(chat)
        return
    for line in sys.stdin:
        content = typed_text(line).strip()
        if content.startswith("/"):
            if not obey(chat, content):
                return
        elif content:
            show_answer(chat, content)


def open_chat(options: argparse.Namespace) -> Chat:
    """A chat with the assistant in a run folder.

    Raises ValueError if there is none, or the system prompt has no room.
    """
    run_dir = options.run_dir
    refuse_tokenizer(run_dir)
    saved = open_weights(options, sys.stderr)
    check_text_run(saved)
    if not isinstance(saved.recipe, AssistantRecipe):
        raise ValueError(
            f"{run_dir}, a run of {saved.recipe.name}, has no chat template: make an "
            "assistant of it, gptbook train assistant --data dialogues.jsonl --from "
            f"{run_dir}"
        )
    model, tokenizer = text_model_in(saved)
    return Chat(
        model,
        tokenizer,
        in_alphabet(options.system or "", tokenizer.ids).strip(),
        options.tokens or ANSWER_TOKENS,
        temperature=1.0 if options.temperature is None else options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        generator=torch.Generator().manual_seed(options.seed or 0),
    )


def talk(chat: Chat) -> None:
    """Ask in a terminal and answer, until Ctrl-D; Ctrl-C stops an answer only."""
    print("Ctrl-C stops an answer, /help lists what else there is, Ctrl-D ends.")
    for content in typed_lines():
        try:
            if content.startswith("/"):
                if not obey(chat, content):
                    return
            elif content:
                show_answer(chat, content)
        except KeyboardInterrupt:
            print(" (stopped)")
        except ValueError as error:  # what was said before stays
            complain(one_sentence(error))


def typed_lines() -> Iterator[str]:
    """What the reader types, line by line."""
    while True:
        try:
            yield typed_text(input(PROMPT)).strip()
        except KeyboardInterrupt:
            print("\nCtrl-D or /quit ends.")
        except EOFError:
            print()
            return


def obey(chat: Chat, command: str) -> bool:
    """Do what a line that begins with / says; whether the chat goes on."""
    if command == "/quit":
        return False
    if command == "/reset":
        chat.reset()
        print("(All is forgotten.)")
    elif command == "/help":
        for word, does in COMMANDS.items():
            print(f"  {word:8}{does}")
    else:
        near = hint(command, COMMANDS)
        complain(f"there is no command {quoted(command)}: {near}")
    return True


def show_answer(chat: Chat, content: str) -> None:
    """Print an answer as it comes, and say once when the beginning is forgotten.

    Raises ValueError for what cannot be said.
    """
    had_forgotten = chat.num_forgotten
    spelled = in_alphabet(content, chat.tokenizer.ids)
    is_empty = True
    with closing(chat.answer(spelled)) as pieces:
        for piece in pieces:
            print(piece, end="", flush=True)
            is_empty = False
    print("(no answer)" if is_empty else "")
    if chat.num_forgotten and not had_forgotten:
        context = chat.model.config.context_length
        print(
            f"(The context of {context:,} tokens is full: from now on the oldest "
            "messages are forgotten.)"
        )
