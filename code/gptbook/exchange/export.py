"""A trained model for elsewhere: for Hugging Face's transformers, or for a web page."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import save

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.chat_template import SPEAKERS, TEMPLATE_FILE
from gptbook.data.merging import in_symbols
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.data.tokenizer_files import (
    MARK_NAME,
    PIECES_FILE,
    TextTokenizer,
    end_mark,
    end_token,
)
from gptbook.exchange.nanochat import save_nanochat
from gptbook.exchange.pretrained import save_gpt2
from gptbook.exchange.weight_files import check_no_shortcuts, in_precision
from gptbook.files.json_files import read_json, with_sorted_metadata
from gptbook.files.whole_files import write_whole
from gptbook.models.gpt import GPT
from gptbook.models.modern import ModernGPT

GENERATION_FILE = "generation_config.json"
TOKENIZER_SETTINGS_FILE = "tokenizer_config.json"
WEB_FORMAT = "gptbook web 1"
WEB_FILE = "model.safetensors"


def save_for_huggingface(
    model: GPT | ModernGPT,
    tokenizer: TextTokenizer,
    folder: Path,
    chat_template: str | None = None,
) -> None:
    """Write a model and its tokenizer as transformers opens them, logits equal.

    Its generate() stops where `gptbook sample` does: at the token that ends a text, if
    there is one; of an assistant, which has a chat template, at the end of its answer.
    Raises ValueError if the folder holds a model that something else saved, or the
    model has shortcuts.
    """
    end, mark = end_token(tokenizer), ""
    if end is not None or chat_template is not None:
        end, mark = end_mark(tokenizer)
    if isinstance(model, GPT):
        save_gpt2(model, folder, end)
    else:
        save_nanochat(model, folder, end)
    ends = ("bos", "eos", "pad")  # it pads with what nothing follows
    ids = dict.fromkeys((f"{name}_token_id" for name in ends), end)
    names = dict.fromkeys((f"{name}_token" for name in ends), mark)
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",  # or it guesses by the model
        "model_max_length": model.config.context_length,
        "clean_up_tokenization_spaces": False,
        **({} if end is None else names),
        **({} if chat_template is None else {"chat_template": chat_template}),
    }
    template = folder / TEMPLATE_FILE
    if chat_template is None:
        template.unlink(missing_ok=True)
    else:
        write_whole(template, chat_template.encode())
    for name, content in ((GENERATION_FILE, ids), (TOKENIZER_SETTINGS_FILE, settings)):
        write_whole(folder / name, (json.dumps(content, indent=2) + "\n").encode())
    if isinstance(tokenizer, BytePairTokenizer):
        tokenizer.save(folder / PIECES_FILE)
        return
    content = character_settings(tokenizer)
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_whole(folder / PIECES_FILE, text.encode())


def character_settings(tokenizer: CharacterTokenizer) -> dict[str, Any]:
    """What tokenizer.json says of letters: each is a word of its own."""
    vocabulary = {MARK_NAME: 0, **tokenizer.ids}
    flags = dict.fromkeys(["single_word", "lstrip", "rstrip", "normalized"], False)
    mark = {"id": 0, "content": MARK_NAME, "special": True} | flags  # not in a text
    single = {"type": "Split", "pattern": {"Regex": r"[\s\S]"}, "invert": False}
    return {
        "version": "1.0",
        **dict.fromkeys(("truncation", "padding", "normalizer", "post_processor")),
        "added_tokens": [mark],
        "pre_tokenizer": single | {"behavior": "Isolated"},
        "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": MARK_NAME},
    }


def load_exported_tokenizer(path: Path) -> TextTokenizer:
    """A tokenizer.json that was exported, or is laid out like GPT-2's.

    Raises ValueError, in one sentence, if it is neither.
    """
    content = read_json(path)
    model = content.get("model") if isinstance(content, dict) else None
    letters = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(letters, dict) and next(iter(letters), "") == MARK_NAME:
        alphabet = [letter for letter in letters if letter != MARK_NAME]
        tokenizer = CharacterTokenizer(alphabet)
        wanted = character_settings(tokenizer)["model"]
        if model == wanted:
            return tokenizer
        raise ValueError(f"{path} numbers its letters otherwise: export the run again")
    return BytePairTokenizer.load(path)


def save_for_web(
    model: GPT | ModernGPT,
    tokenizer: TextTokenizer,
    folder: Path,
    half: bool = True,
    is_assistant: bool = False,
) -> Path:
    """Write one file that a page of the book opens: weights, sizes and tokenizer.

    It is a safetensors file; sizes and tokenizer are JSON in its metadata. half stores
    each weight in two bytes in place of four (float16): half the download, and scores
    that differ in the third decimal. Of an assistant it also says which marks stand
    before each speaker's words, and which token ends an answer. Returns its path.
    Raises ValueError if a weight is not finite, or too large for float16, or the model
    has shortcuts.
    """
    check_no_shortcuts(model, "a page of the book")
    tensors = {
        name: in_precision(name, tensor, half)
        for name, tensor in model.state_dict().items()
    }
    about = {
        "format": WEB_FORMAT,
        "form": "gpt-2" if isinstance(model, GPT) else "modern",
        "config": json.dumps(asdict(model.config)),
        "tokenizer": json.dumps(tokenizer_for_web(tokenizer), ensure_ascii=False),
    }
    if is_assistant:
        chat = {"marks": SPEAKERS, "end": end_mark(tokenizer)[0]}
        about["chat"] = json.dumps(chat)
    folder.mkdir(parents=True, exist_ok=True)
    content = with_sorted_metadata(save(tensors, about))
    write_whole(folder / WEB_FILE, content)
    return folder / WEB_FILE


def tokenizer_for_web(tokenizer: TextTokenizer) -> dict[str, Any]:
    """All that a page needs to turn text into tokens and back."""
    if not isinstance(tokenizer, BytePairTokenizer):
        return {"kind": "characters", "characters": tokenizer.characters}
    return {
        "kind": "pieces",
        "merges": [[in_symbols(part) for part in pair] for pair in tokenizer.merges],
        "end_of_text": tokenizer.end_of_text,
    }
