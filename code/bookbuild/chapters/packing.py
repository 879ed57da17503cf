"""The tables a chapter needs, packed into its download, so that one file runs in an empty folder without a network."""

import base64
import lzma
import re
from functools import cache
from pathlib import Path

LINE_WIDTH = 100

UNPACK = """\
# The tables of this chapter, compressed: this cell writes them into the folder `data`, and keeps a file that is there.
import base64
import lzma
from pathlib import Path


def unpack(name: str, packed: str) -> None:
    path = Path("data") / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lzma.decompress(base64.b85decode(packed.replace("\\n", ""))))

"""


def files_named(code: str, data_dir: Path) -> list[str]:
    """Tables whose name the code holds as a string: `"iris.csv"`, or `read_record("windows")` for runs/windows.json."""
    tables = [path.name for path in sorted(data_dir.glob("*.csv")) if f'"{path.name}"' in code]
    records = [
        f"runs/{path.name}"
        for path in sorted((data_dir / "runs").glob("*.json"))
        if re.search(rf'read_record\(\s*"{re.escape(path.stem)}"', code)
    ]
    return tables + records


def unpack_into(folder: Path, names: list[str], data_dir: Path) -> None:
    """What the packed cell does, done here for a chapter that the book build runs."""
    for name in names:
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((data_dir / name).read_bytes())


def packed_cell(names: list[str], data_dir: Path) -> str:
    """The source of a code cell that unpacks the tables; empty if there are none."""
    if not names:
        return ""
    calls = [f'unpack("{name}", """\n{_pack((data_dir / name).read_bytes())}\n""")' for name in names]
    return UNPACK + "\n" + "\n".join(calls)


@cache
def _pack(content: bytes) -> str:
    # b85 has no quote and no backslash, so the text can stand in a plain triple-quoted string.
    text = base64.b85encode(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)).decode("ascii")
    return "\n".join(text[i : i + LINE_WIDTH] for i in range(0, len(text), LINE_WIDTH))
