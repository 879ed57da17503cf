"""A tokenizer of either kind: the file that keeps it, and its special tokens."""

import json
from pathlib import Path

from gptbook.data.bpe import END_OF_TEXT, BytePairTokenizer
from gptbook.data.merging import utf8
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.files.json_files import Fields, Listing, Words, check_facts, read_json
from gptbook.files.whole_files import write_whole

CHARACTERS_FILE = "characters.json"
PIECES_FILE = "tokenizer.json"
MARK_NAME = "<|mark|>"  # token 0 of characters, in the files of others
TextTokenizer = CharacterTokenizer | BytePairTokenizer


def token_bytes(tokenizer: TextTokenizer) -> list[int]:
    """How many bytes of text, in UTF-8, each token stands for.

    The mark between two texts is no text and has 0 bytes. So bits per byte are per byte
    of text: what the marks cost is counted, and their letters are not.
    """
    if isinstance(tokenizer, CharacterTokenizer):
        return [0, *(len(utf8(letter)) for letter in tokenizer.characters)]
    num_bytes = [len(token) for token in tokenizer.tokens]
    if tokenizer.end_of_text:
        num_bytes[-1] = 0
    return num_bytes


def tokenizer_path(folder: Path) -> Path:
    """The file of a folder that says how text becomes tokens."""
    characters = folder / CHARACTERS_FILE
    return characters if characters.is_file() else folder / PIECES_FILE


def save_tokenizer_file(folder: Path, tokenizer: TextTokenizer) -> None:
    """Write a tokenizer into a folder, in place of the one that lies there."""
    if isinstance(tokenizer, CharacterTokenizer):
        text = json.dumps({"characters": tokenizer.characters}, ensure_ascii=False)
        (folder / PIECES_FILE).unlink(missing_ok=True)
        write_whole(folder / CHARACTERS_FILE, (text + "\n").encode())
    else:
        (folder / CHARACTERS_FILE).unlink(missing_ok=True)
        tokenizer.save(folder / PIECES_FILE)


def load_tokenizer_file(folder: Path) -> TextTokenizer:
    """The tokenizer in a folder. Raises ValueError if there is none that is whole."""
    path = tokenizer_path(folder)
    if path.name == PIECES_FILE:
        return BytePairTokenizer.load(path)
    letters = Listing(Words(least=1, most=1), least=1, different=True)
    content = read_json(path)
    check_facts(content, Fields({"characters": letters}), path, "get the file again")
    return CharacterTokenizer(content["characters"])


def first_token(tokenizer: TextTokenizer) -> int:
    """What to begin with without a prompt: the end of another text, or of a line."""
    if isinstance(tokenizer, CharacterTokenizer):
        return tokenizer.ids.get("\n", 1)
    end = end_token(tokenizer)
    return tokenizer.encode("\n")[0] if end is None else end


def end_token(tokenizer: TextTokenizer) -> int | None:
    """The token at which a text ends, if there is one."""
    if isinstance(tokenizer, CharacterTokenizer) or not tokenizer.end_of_text:
        return None
    return tokenizer.vocab_size - 1


def end_mark(tokenizer: TextTokenizer) -> tuple[int, str]:
    """The token that ends an answer, and how others write it: `end_token`, or the mark.

    Raises ValueError if there is neither.
    """
    if isinstance(tokenizer, CharacterTokenizer):
        return 0, MARK_NAME
    end = end_token(tokenizer)
    if end is None:
        raise ValueError(
            f"the tokenizer has no {END_OF_TEXT}: take one with that token"
        )
    return end, END_OF_TEXT
