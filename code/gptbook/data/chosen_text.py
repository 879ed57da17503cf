"""Which prepared text a command means: a folder, a file, a word, or a run's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gptbook.data.corpus import CORPUS_FACTS_FILE, Corpus, open_corpus
from gptbook.data.corpus_writing import GIVEN, tokenizer_sha256
from gptbook.data.documents import ReadersTexts
from gptbook.data.parted_documents import changed_files
from gptbook.data.prepare import BY_TOKENS, prepare_corpus
from gptbook.data.text_sources import TEXT_SOURCES, cache_folder
from gptbook.data.tokenizer_files import TextTokenizer

DIGESTS = ("training_sha256", "held_out_sha256", "tokenizer_sha256")


def corpus_for(
    source: str | ReadersTexts | None, given: TextTokenizer | None = None
) -> Corpus:
    """The text for --data: a prepared folder, or files or a word, prepared now.

    A word that gptbook knows is that text, even where a folder or file has its name:
    ./shakespeare is the one here. given is the tokenizer of a model, in whose tokens it
    must be. Raises ValueError if there is none, or not in them.
    """
    if not source:
        raise ValueError(
            "there is no text to learn from: give --data my.txt, or a word that "
            "gptbook data prepare knows, such as docstrings"
        )
    texts = ReadersTexts((source,)) if isinstance(source, str) else source
    alone = texts.named(TEXT_SOURCES)
    is_word, is_prepared = alone in TEXT_SOURCES, is_corpus(alone)
    if is_word or is_prepared:
        texts.check_unchosen()
        texts = ReadersTexts((alone,))
    if is_word:
        if Path(alone).exists():
            print(
                f"{alone} is the text that gptbook knows by this word; for what is "
                f"here by the same name, give ./{alone}"
            )
    elif is_prepared:
        return in_tokens_of(given, open_corpus(Path(alone)))
    if alone in BY_TOKENS:
        return in_tokens_of(given, prepare_corpus(texts))
    return prepare_corpus(texts, given=given)


def is_corpus(folder: str) -> bool:
    """Whether a folder holds a prepared text."""
    return folder != "" and (Path(folder) / CORPUS_FACTS_FILE).is_file()


def in_tokens_of(given: TextTokenizer | None, corpus: Corpus) -> Corpus:
    """The same corpus. Raises ValueError if it is in other tokens than the given."""
    if given is None or tokenizer_sha256(given) == corpus.facts[GIVEN]:
        return corpus
    raise ValueError(
        f"{corpus.folder} was prepared in {corpus.vocab_size:,} tokens of "
        f"another tokenizer, and the model knows {given.vocab_size:,}: give the text "
        "itself, which is prepared for the model then"
    )


def corpus_of_run(
    said: str,
    wanted: dict[str, Any],
    data: str | ReadersTexts | None,
    run_dir: Path,
    given: TextTokenizer | None = None,
) -> Corpus:
    """The text that a run learned from, known by its checksums wherever it lies now.

    said is the folder that the run names, wanted are the run's facts of its data, data
    is what the reader gives in its place, given the tokenizer of the model that the run
    went on from, if it did. Without data, a text that was prepared here, in the cache,
    will do. Raises ValueError if none is that text.
    """
    if data is not None:
        corpus = corpus_for(data, given)
        if is_same_text(corpus.facts, wanted):
            return corpus
        what = data if isinstance(data, str) else data.shown
        if changes := changes_since(said, wanted, corpus):
            raise ValueError(
                f"{what} has changed since {run_dir} learned from it ({changes}): put "
                "that back, or leave out --data, if the prepared text is still there"
            )
        shown = [
            f"{name} is {wanted[name]} there, {corpus.facts.get(name)} here"
            for name in ("name", "vocab_size", "training_tokens")
            if corpus.facts.get(name) != wanted[name]
        ]
        raise ValueError(
            f"{what} is not the text that {run_dir} learned from "
            f"({'; '.join(shown) or 'its checksums differ'}): give that one, or the "
            "folder that gptbook data prepare made of it, with the same settings"
        )
    for folder in (Path(said), *prepared_folders()):
        try:
            corpus = open_corpus(folder)
        except (ValueError, OSError):
            continue  # moved, changed, or another program's
        if is_same_text(corpus.facts, wanted):
            return corpus
    raise ValueError(
        f"the text that {run_dir} learned from, {wanted['name']}, is not in {said} any "
        f"more, nor prepared in {cache_folder()}: give --data with its file or folder"
    )


def changes_since(said: str, wanted: dict[str, Any], corpus: Corpus) -> str:
    """Which files of a text are others than those that a run learned from.

    said and wanted are as in `corpus_of_run`. "" if nothing is, or it is not known.
    """
    if is_same_text(corpus.facts, wanted):
        return ""
    try:
        before = corpus_of_run(said, wanted, None, Path(said))
    except ValueError:
        return ""
    return changed_files(before.folder, corpus.folder)


def is_same_text(facts: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether a corpus holds the tokens, of the tokenizer, that are wanted."""
    return all(facts.get(name) == wanted[name] for name in DIGESTS)


def prepared_folders() -> Iterator[Path]:
    """The folders in the cache that hold a prepared text."""
    for path in sorted(cache_folder().glob(f"*/{CORPUS_FACTS_FILE}")):
        yield path.parent
