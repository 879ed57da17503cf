"""The folder that the finished site goes into: nothing is replaced or removed there but what a build has put there.

A build happens elsewhere. Then its files come into the folder one by one, each whole, and a list of them stays there
(`.bookbuild.json`: name -> checksum). What is not on that list, or is no longer what the list says, is the reader's.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from bookbuild.chapters.chapter import BuildError
from bookbuild.project import Project

LIST = ".bookbuild.json"
PARTIAL = ".bookbuild-partial"
# A site that was built before there were lists.
WITHOUT_LIST = ("index.html", "search/search_index.json", "downloads/how-gpts-work.zip")
SHOWN = 3


def checked_site_dir(path: Path, project: Project) -> Path:
    """The folder, if a site may go there. Raises BuildError, with what to do, for any other."""
    given = path.expanduser()
    if given.is_symlink():
        raise BuildError(f"{given} is a link to another folder: name that folder itself")
    try:
        folder = given.resolve()
    except (OSError, RuntimeError) as error:
        raise BuildError(f"{given} cannot be a folder for the site: {error}") from None
    root = project.root.resolve()
    own = root / "site"
    if folder == root or folder in root.parents or folder == Path.home():
        raise BuildError(f"{folder} holds more than the site: give it a folder of its own, such as {own}")
    for name in ("docs", "code", "data", "tests", ".git"):
        if folder.is_relative_to(root / name):
            raise BuildError(
                f"{folder} is a place for sources: give the site a folder of its own, such as {root / 'site'}"
            )
    if file := next((step for step in (folder, *folder.parents) if step.exists() and not step.is_dir()), None):
        raise BuildError(f"{file} is a file: name a folder for the site")
    try:
        listed(folder)
    except OSError as error:
        raise BuildError(f"{folder} cannot be read ({error.strerror}): name another folder for the site") from None
    return folder


def listed(folder: Path) -> dict[str, list[str]]:
    """Name -> checksums that this file may have, of all that builds have put there.

    Raises BuildError if the folder is neither empty nor a site.
    """
    try:
        found = json.loads((folder / LIST).read_text(encoding="utf-8"))
        return {str(name): list(map(str, sums)) for name, sums in found.items()}
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (ValueError, AttributeError, TypeError):
        raise BuildError(f"{folder / LIST} is no list of a site's files: give the site another folder") from None
    if not folder.is_dir() or {path.name for path in folder.iterdir()} <= {PARTIAL}:
        return {}
    if all((folder / name).is_file() for name in WITHOUT_LIST):
        return {name: [checksum(folder / name)] for name in files_in(folder)}
    raise BuildError(f"{folder} is neither empty nor a site that was built here: give the site another folder")


def put_site(built: Path, folder: Path) -> None:
    """Make the folder hold what was built, in place of what builds before have put there.

    Raises BuildError, before anything is touched, if a file of the reader's stands in the way.
    """
    old = listed(folder)
    new = {name: [checksum(built / name)] for name in files_in(built)}
    known = {name: old.get(name, []) + new.get(name, []) for name in {*old, *new}}
    if theirs := [name for name, sums in sorted(known.items()) if _is_the_readers(folder, name, sums)]:
        more = f" and {len(theirs) - SHOWN} more" if len(theirs) > SHOWN else ""
        raise BuildError(
            f"{folder} holds what no build has put there ({', '.join(theirs[:SHOWN])}{more}): move it away, "
            "or give the site another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    # Whatever stops the build from here on, the list then knows each file as it was and as it will be.
    _write_list(folder, known)
    for name, [wanted] in sorted(new.items()):
        target = folder / name
        if not target.is_file() or checksum(target) != wanted:
            target.parent.mkdir(parents=True, exist_ok=True)
            (folder / PARTIAL).write_bytes((built / name).read_bytes())
            (folder / PARTIAL).replace(target)
    _remove(folder, [name for name in old if name not in new])
    _write_list(folder, new)


def remove_site(folder: Path) -> list[str]:
    """Remove what builds have put there, and the folder if nothing else is in it; the names of what stays."""
    old = listed(folder)
    theirs = [name for name, sums in sorted(old.items()) if _is_the_readers(folder, name, sums)]
    _remove(folder, [name for name in old if name not in theirs])
    for name in (LIST, PARTIAL):
        (folder / name).unlink(missing_ok=True)
    stays = sorted({*theirs, *files_in(folder)})
    if not stays and folder.is_dir():
        _remove_empty(folder, folder)
    return stays


def files_in(folder: Path) -> list[str]:
    """The names of all files, with slashes, without what builds keep for themselves."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    return sorted(name for name in names if name not in {LIST, PARTIAL})


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_the_readers(folder: Path, name: str, sums: list[str]) -> bool:
    """Whether at this name stands what no build has put there."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        return True  # through a link, out of the folder; or a name that somebody wrote into the list
    if any(step.is_file() for step in path.parents if step != folder and step.is_relative_to(folder)):
        return True  # a file where a folder must be
    return os.path.lexists(path) and (path.is_symlink() or not path.is_file() or checksum(path) not in sums)


def _remove(folder: Path, names: list[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)
        _remove_empty((folder / name).parent, folder)


def _remove_empty(path: Path, top: Path) -> None:
    """Remove a folder that is empty, then the one around it, up to `top`."""
    while path.is_relative_to(top) and path.is_dir() and not any(path.iterdir()):
        path.rmdir()
        path = path.parent


def _write_list(folder: Path, names: dict[str, Any]) -> None:
    text = json.dumps(names, indent=0, sort_keys=True)
    (folder / PARTIAL).write_text(text, encoding="utf-8")
    (folder / PARTIAL).replace(folder / LIST)
