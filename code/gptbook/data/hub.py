"""Files that others keep on a hub: at a pinned commit, fetched once, and checked."""

import hashlib
import re
from pathlib import Path

from huggingface_hub import (
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)

from gptbook.data.bpe import BytePairTokenizer

OWNER = "openai-community"
GPT2_REVISIONS = {  # a name: the commit of its repository, the sha256 of the weights
    "gpt2": (
        "607a30d783dfa663caf39e06633721c8d4cfcd7e",
        "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
    ),
    "gpt2-medium": ("6dcaa7a952f72f9298047fd5137cd6e4f05f41da", None),
    "gpt2-large": ("32b71b12589c2f8d625668d2335a01cac3249519", None),
    "gpt2-xl": (
        "15ea56dee5df4983c59b2538573817e1667135e2",
        "0f8b28eb05a8075f48b61b6f35332978c74fc7763fa9fb4051a1c30511736a6a",
    ),
}
TOKENIZER_FILES = {  # the same for all sizes: their sha256
    "vocab.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    "merges.txt": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
}


def fetch_from_hub(
    repository: str,
    name: str,
    revision: str,
    sha256: str | None = None,
    endpoint: str | None = None,
    repo_type: str = "model",
) -> Path:
    """One file of a repository at a commit, from the cache or the network.

    huggingface_hub keeps it, in the folder that it is set up for. Each time its sha256
    is compared with the given one; if none is given, with the one that the hub
    reported, which names the file in the cache where links can be made. endpoint is the
    address of another hub. A download that broke off goes on where it was. Raises
    ValueError if the file cannot be had, or is another; offline it does so at once.
    """
    try:
        at = {"revision": revision, "repo_type": repo_type}
        kept = try_to_load_from_cache(repository, name, **at)
        if not isinstance(
            kept, str
        ):  # one question, or the download would ask for 27 s
            url = hf_hub_url(repository, name, **at, endpoint=endpoint)
            get_hf_file_metadata(url, endpoint=endpoint)
        path = Path(
            hf_hub_download(
                repository,
                name,
                revision=revision,
                repo_type=repo_type,
                endpoint=endpoint,
            )
        )
    except Exception as error:  # of three libraries, with no class in common
        raise ValueError(
            f"{name} of {repository} is not on this machine and the hub did not give "
            "it: go online, or copy that file here and give its path"
        ) from error
    place = path.resolve()
    reported = place.name if re.fullmatch("[0-9a-f]{64}", place.name) else None
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    expected = sha256 or reported or found
    if found != expected:
        raise ValueError(
            f"{name} of {repository} has the checksum {found[:12]}..., not "
            f"{expected[:12]}...: delete {place} and load it again"
        )
    return path


def load_gpt2_tokenizer(
    source: str | Path = "gpt2",
    vocab_size: int | None = None,
    endpoint: str | None = None,
) -> BytePairTokenizer:
    """GPT-2's tokenizer by name, or one of its kind from a folder with its two files.

    Raises ValueError if a file cannot be had or is damaged, or if the number of tokens
    of a model, when it is given, is another.
    """
    name, (revision, _) = str(source), GPT2_REVISIONS["gpt2"]
    if not Path(source).exists() and name in GPT2_REVISIONS:
        files = [
            fetch_from_hub(f"{OWNER}/gpt2", file, revision, sha256, endpoint)
            for file, sha256 in TOKENIZER_FILES.items()
        ]
    else:
        files = [Path(source) / file for file in TOKENIZER_FILES]
    tokenizer = BytePairTokenizer.from_gpt2_files(*files)
    if vocab_size not in (None, tokenizer.vocab_size):
        raise ValueError(
            f"the tokenizer has {tokenizer.vocab_size:,} tokens and the model "
            f"{vocab_size:,}: take the one it was trained with"
        )
    return tokenizer
