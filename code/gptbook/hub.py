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


def fetch_from_hub(
    repository: str,
    name: str,
    revision: str,
    sha256: str | None = None,
    endpoint: str | None = None,
) -> Path:
    """One file of a repository at a commit, from the cache or the network.

    huggingface_hub keeps it, in the folder that it is set up for. Each time its sha256
    is compared with the given one; if none is given, with the one that the hub
    reported, which names the file in the cache where links can be made. endpoint is the
    address of another hub. A download that broke off goes on where it was. Raises
    ValueError if the file cannot be had, or is another; offline it does so at once.
    """
    try:
        kept = try_to_load_from_cache(repository, name, revision=revision)
        if not isinstance(
            kept, str
        ):  # one question, or the download would ask for 27 s
            url = hf_hub_url(repository, name, revision=revision, endpoint=endpoint)
            get_hf_file_metadata(url, endpoint=endpoint)
        path = Path(
            hf_hub_download(repository, name, revision=revision, endpoint=endpoint)
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
