"""A text, prepared for training: had, cut in two, and turned into tokens, once."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gptbook.data.corpus import CORPUS_FACTS_FILE, TOKEN_FILES, Corpus, open_corpus
from gptbook.data.corpus_writing import GIVEN, Texts, given_settings, write_texts
from gptbook.data.docstrings import LIBRARIES, docstrings
from gptbook.data.documents import ReadersTexts
from gptbook.data.fineweb import PROGRESS_FILE, WEB_TEXTS, prepare_web_text
from gptbook.data.hub import load_gpt2_tokenizer
from gptbook.data.parted_documents import (
    FILES_FILE,
    Survey,
    two_parts,
    write_files_list,
)
from gptbook.data.ready_tokens import READY_TEXTS, prepare_ready_tokens
from gptbook.data.text_sources import (
    SHAKESPEARE_SHA256,
    TEXT_SOURCES,
    cache_folder,
    own_texts,
    split_documents,
    tiny_shakespeare,
    token_count,
)
from gptbook.data.tokenizer_files import CHARACTERS_FILE, PIECES_FILE, TextTokenizer
from gptbook.files.json_files import brief, read_json
from gptbook.files.lock import LOCK_FILE, locked

BY_TOKENS = (*WEB_TEXTS, *READY_TEXTS)  # of which one asks for so many
TOKENIZERS = ("auto", "characters", "byte-pairs", "gpt2")
KEPT_FILES = (CORPUS_FACTS_FILE, PROGRESS_FILE)  # a folder with one is worth keeping
SAVED_TOKENIZERS = (CHARACTERS_FILE, PIECES_FILE)
OWN_FILES = {*KEPT_FILES, *TOKEN_FILES.values(), *SAVED_TOKENIZERS, FILES_FILE}
MOST_CHARACTERS = 256  # different ones, for which auto takes characters
PAIRS_VOCAB_SIZE = 4096  # byte pairs, if nothing else is asked for
MOST_HELD_OUT = 10_485_760  # of web text: just what FineWeb's records are measured on


def prepare_corpus(
    source: str | ReadersTexts,
    folder: Path | None = None,
    *,
    tokenizer: str = "auto",
    vocab_size: int | None = None,
    num_tokens: int | None = None,
    given: TextTokenizer | None = None,
) -> Corpus:
    """Prepare a text, one of `TEXT_SOURCES` or a reader's, or find it prepared.

    Without a folder it goes into `cache_folder`. tokenizer is one of `TOKENIZERS`; auto
    takes gpt2 for web text, characters for a text with at most 256 different ones, and
    else byte pairs, learned on the training part alone, vocab_size of them at most.
    num_tokens is for web text, if none is prepared there yet. given is the tokenizer of
    a model, in place of a choice; web text takes none. The last tenth of a text is held
    out; of several texts some, whole, that have a tenth of the characters; of
    docstrings, a tenth drawn by chance; of web text, the first documents.

    The same source and settings a second time do nothing. Raises ValueError, in one
    sentence, if the text cannot be had or is none, or the folder holds something else;
    OSError if it cannot be written. What was begun is removed then, except web text,
    with which the same call goes on.
    """
    texts = ReadersTexts((source,)) if isinstance(source, str) else source
    word = texts.sources[0] if texts.sources[0] in TEXT_SOURCES else ""
    if word:
        texts.check_unchosen()
    survey = None if word else own_texts(texts)
    if word in BY_TOKENS and num_tokens is None:
        num_tokens = tokens_before(folder or cache_folder() / word)
    name = word or texts.name
    settings = corpus_settings(word, survey, tokenizer, vocab_size, num_tokens)
    settings |= given_settings(given)
    if folder is None:
        digests = [settings.get(key, "")[:8] for key in ("sha256", GIVEN)]
        unique = digests[1:] if word else digests
        folder = cache_folder() / "-".join([name, *filter(None, unique)])
    there = prepared_before(folder, settings)
    if there is not None:
        print(f"{name} is prepared already, in {folder}")
        return there
    print(f"Preparing {name} in {folder} ...", flush=True)
    try:
        with locked(folder, "--out", waits=True) as has_waited:
            there = prepared_before(folder, settings) if has_waited else None
            if there is not None:
                return there
            try:
                return prepare_now(word, survey, folder, name, settings, given)
            finally:
                if not any((folder / name).exists() for name in KEPT_FILES):
                    for file in OWN_FILES:
                        (folder / file).unlink(missing_ok=True)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{name} cannot be prepared in {folder} ({error.strerror or error}): make "
            "room there, or choose another folder",
        ) from error


def prepare_now(
    word: str,
    survey: Survey | None,
    folder: Path,
    name: str,
    settings: Mapping[str, Any],
    given: TextTokenizer | None = None,
) -> Corpus:
    """Prepare a text, or go on with web text, in a folder that is this process's.

    It is the one that a word of `TEXT_SOURCES` means, or else what survey has found.
    """
    if word in WEB_TEXTS:
        print("Ctrl-C stops; the same command goes on.", flush=True)
        return prepare_web_text(folder, load_gpt2_tokenizer, settings)
    if word in READY_TEXTS:
        return prepare_ready_tokens(folder, load_gpt2_tokenizer, settings)
    (folder / FILES_FILE).unlink(missing_ok=True)
    training: Texts
    held_out: Texts
    if survey and survey.whole is None:
        training, held_out = two_parts(survey)
        share = held_out.num_characters / survey.num_characters
        print(
            f"  {len(held_out):,} of {len(survey.keys):,} texts are held out, whole: "
            f"{share:.0%} of the characters",
            flush=True,
        )
    elif word == "docstrings":
        training, held_out = split_documents(docstrings(LIBRARIES))
    else:
        whole = survey.whole if survey and survey.whole else tiny_shakespeare()
        cut = int(0.9 * len(whole))  # where nanoGPT cuts
        training, held_out = [whole[:cut]], [whole[cut:]]
        print("  the last tenth is held out", flush=True)
    if survey and len(survey.files) > 1:
        write_files_list(folder, survey.files)
    parts = (settings, training, held_out)
    if survey is None:
        return write_texts(folder, name, *parts, given=given)
    return write_texts(folder, name, *parts, "NFC", given, survey.alphabet)


def corpus_settings(
    word: str,
    survey: Survey | None,
    tokenizer: str,
    vocab_size: int | None,
    num_tokens: int | None,
) -> dict[str, Any]:
    """All that decides a corpus. Raises ValueError if the wishes do not go together."""
    source = survey.texts.title if survey else word
    if tokenizer not in TOKENIZERS:
        raise ValueError(
            f'there is no tokenizer "{tokenizer}": choose from {", ".join(TOKENIZERS)}'
        )
    if word in BY_TOKENS:
        if tokenizer not in ("auto", "gpt2") or vocab_size is not None:
            raise ValueError(
                f"{source} is prepared with GPT-2's tokenizer: leave out --tokenizer "
                "and --vocab-size"
            )
        if num_tokens is None:
            raise ValueError(
                f"say how much of {source} you want: "
                f"gptbook data prepare {source} --tokens 300M"
            )
        num_tokens = token_count(str(num_tokens))  # refused if the sample has not that
        num_held_out = min(MOST_HELD_OUT, num_tokens // 10)
        sizes = {"num_tokens": num_tokens, "num_held_out": num_held_out}
        return {"source": source, "tokenizer": "gpt2", **sizes}
    if num_tokens is not None:
        raise ValueError(
            f"{source} is prepared as a whole: leave out --tokens, which is for "
            f"{' and '.join(BY_TOKENS)}"
        )
    if tokenizer == "auto":
        num_characters = len(survey.alphabet) if survey else MOST_CHARACTERS
        has_few = num_characters <= MOST_CHARACTERS and word != "docstrings"
        is_spelled = has_few and vocab_size is None
        tokenizer = "characters" if is_spelled else "byte-pairs"
    settings: dict[str, Any] = {
        "source": source,
        "tokenizer": tokenizer,
    }
    if tokenizer == "byte-pairs":
        wanted = PAIRS_VOCAB_SIZE if vocab_size is None else vocab_size
        settings["vocab_size"] = wanted
        if not 257 <= wanted <= 2**16:
            raise ValueError(f"--vocab-size is {vocab_size}: give 257 to {2**16}")
    elif vocab_size is not None:
        raise ValueError(
            f"--vocab-size is for byte-pairs, and you chose {tokenizer}: leave it out"
        )
    if word == "docstrings":
        versions = {library: version(library) for library in LIBRARIES}
        return settings | {f"version of {name}": v for name, v in versions.items()}
    if survey is None:
        return settings | {"sha256": SHAKESPEARE_SHA256}
    many = {"documents": len(survey.keys)} if survey.whole is None else {}
    return settings | {"sha256": survey.sha256} | many


def tokens_before(folder: Path) -> int | None:
    """How many tokens a folder of web text has, or will have; None if there is none."""
    for name in KEPT_FILES:
        if (folder / name).is_file():
            facts = read_json(folder / name)
            before = facts.get("settings") if isinstance(facts, dict) else None
            found = before.get("num_tokens") if isinstance(before, dict) else None
            return found if isinstance(found, int) else None
    return None


def prepared_before(folder: Path, settings: Mapping[str, Any]) -> Corpus | None:
    """The corpus that a folder holds, if it is whole; nothing if it is to be made.

    Raises ValueError if the folder holds something else, and shows the difference.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file, not a folder: give another --out")
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    there -= {LOCK_FILE}  # what a killed process left
    others = sorted({name.removesuffix(".part") for name in there} - OWN_FILES)
    begun = (*KEPT_FILES, *TOKEN_FILES.values())
    if folder.parent != cache_folder() and not any(n.startswith(begun) for n in there):
        others += sorted(there & {*SAVED_TOKENIZERS})  # somebody's model's
    if others:
        raise ValueError(
            f"{folder} holds something else than a prepared text, {others[0]} for "
            "one: give another --out"
        )
    for name in KEPT_FILES:
        if name not in there:
            continue
        facts = read_json(folder / name)
        before = facts.get("settings") if isinstance(facts, dict) else None
        if not isinstance(before, dict):
            raise ValueError(
                f"{folder / name} was changed, or is not gptbook's: delete {folder}, "
                "or give another --out"
            )
        keys = [k for k in {**before, **settings} if before.get(k) != settings.get(k)]
        if "sha256" in settings and "sha256" not in keys:
            keys = [k for k in keys if k != "source"]  # a zip of the folder, say
        if keys:
            shown = "; ".join(
                f"{key} is {brief(before, key)} there, {brief(dict(settings), key)} "
                "here"
                for key in keys
            )
            raise ValueError(
                f"{folder} holds another text, or one prepared otherwise ({shown}): "
                "give another --out, or delete that one"
            )
    try:
        return open_corpus(folder) if CORPUS_FACTS_FILE in there else None
    except ValueError as error:
        print(f"{error}: that is done now")
        return None
