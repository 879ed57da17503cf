"""Files that others keep on a hub: at a pinned commit, fetched once, and checked."""

import hashlib
import re
from pathlib import Path

from huggingface_hub import hf_hub_download


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
    address of another hub. Raises ValueError if the file cannot be had, or is another.
    """
    try:
        path = Path(
            hf_hub_download(repository, name, revision=revision, endpoint=endpoint)
        )
    except Exception as error:  # of three libraries, with no class in common
        raise ValueError(
            f"{name} of {repository} is not on this machine and the hub did not give "
            "it: go online, or copy that file here and give its path"
        ) from error
    kept = path.resolve()
    reported = kept.name if re.fullmatch("[0-9a-f]{64}", kept.name) else None
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    expected = sha256 or reported or found
    if found != expected:
        raise ValueError(
            f"{name} of {repository} has the checksum {found[:12]}..., not "
            f"{expected[:12]}...: delete {kept} and load it again"
        )
    return path
