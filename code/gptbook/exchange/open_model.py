"""GPT-2, a model of its kind, or one that was exported here, with its tokenizer."""

from pathlib import Path

from gptbook.data.hub import GPT2_REVISIONS, TOKENIZER_FILES, load_gpt2_tokenizer
from gptbook.data.tokenizer_files import PIECES_FILE, TextTokenizer
from gptbook.exchange.export import WEB_FILE, load_exported_tokenizer
from gptbook.exchange.nanochat import load_nanochat
from gptbook.exchange.peft_adapters import (
    ADAPTER_CONFIG,
    base_of_adapters,
    holds_adapters,
    merge_peft_adapters,
)
from gptbook.exchange.pretrained import load_gpt2
from gptbook.exchange.web_model import load_web_model, web_facts
from gptbook.exchange.weight_files import CONFIG_FILE, read_object
from gptbook.models.gpt import GPT
from gptbook.models.modern import ModernGPT


def open_pretrained(source: str) -> tuple[GPT | ModernGPT, TextTokenizer]:
    """A model with its tokenizer: by name, from a folder, or from a file in one.

    The folder is as transformers writes it, or as `gptbook export` does, or has
    adapters that PEFT saved, which are merged; a file for a page of the book has its
    tokenizer in itself. Raises
    ValueError, in one sentence, if either cannot be had, the model is of another kind,
    or the tokenizer another model's.
    """
    beside = Path(source)
    if not beside.exists():
        model = load_gpt2(source)
        return model.eval(), load_gpt2_tokenizer(source, model.config.vocab_size)
    if holds_adapters(beside):
        return open_adapted(beside)
    folder = beside.parent if beside.is_file() else beside
    single = folder / WEB_FILE if beside.is_dir() else beside
    if web_facts(single):
        opened, letters = load_web_model(single)
        return opened.eval(), letters
    config = folder / CONFIG_FILE
    stated = read_object(config) if config.is_file() else {}
    is_modern = stated.get("model_type") == "nanochat"
    opened = load_nanochat(folder) if is_modern else load_gpt2(source)
    tokenizer = tokenizer_beside(folder)
    if opened.config.vocab_size != tokenizer.vocab_size:
        raise ValueError(
            f"the tokenizer has {tokenizer.vocab_size:,} tokens and the model "
            f"{opened.config.vocab_size:,}: take the one it was trained with"
        )
    return opened.eval(), tokenizer


def open_adapted(folder: Path) -> tuple[GPT, TextTokenizer]:
    """The GPT-2 that adapters of PEFT are for, with them merged, and its tokenizer.

    Raises ValueError, in one sentence, if it cannot be had, or is another one.
    """
    said = base_of_adapters(folder)
    source = said if Path(said).exists() or said in GPT2_REVISIONS else folder / said
    if holds_adapters(Path(source)) or not (
        Path(source).exists() or said in GPT2_REVISIONS
    ):
        raise ValueError(
            f'the adapters in {folder} are for the model "{said}", which is not here: '
            f"write where it lies into {ADAPTER_CONFIG}, as base_model_name_or_path"
        )
    model, tokenizer = open_pretrained(str(source))
    if not isinstance(model, GPT):
        raise ValueError(
            f"the adapters in {folder} are for {said}, which is no GPT-2: merge them "
            "with PEFT first"
        )
    merge_peft_adapters(model, folder)
    return model, tokenizer


def tokenizer_beside(folder: Path) -> TextTokenizer:
    """The tokenizer in a folder: tokenizer.json, or GPT-2's two older files.

    Raises ValueError if it is absent, damaged, or none of ours or GPT-2's kind.
    """
    if all((folder / name).is_file() for name in TOKENIZER_FILES):
        return load_gpt2_tokenizer(folder)
    if not (folder / PIECES_FILE).is_file():
        raise ValueError(
            f"{folder} has no tokenizer: put {PIECES_FILE}, or "
            f"{' and '.join(TOKENIZER_FILES)}, beside the weights"
        )
    return load_exported_tokenizer(folder / PIECES_FILE)
