"""What the rebuild scripts share: compare a table with the committed one, and never overwrite silently."""

import argparse
import itertools
import sys
from collections.abc import Callable
from pathlib import Path


def run(table: Path, make: Callable[[], str], description: str, arguments: list[str] | None = None) -> int:
    """Write the table that `make` returns, or compare it with what is there.

    Returns the exit code: 0 if the file now holds the rebuilt table, 2 if it holds another one or cannot be built.
    """
    parser = argparse.ArgumentParser(
        description=description, epilog=f"example: python data/build_{table.stem}.py --check"
    )
    parser.add_argument(
        "--check", action="store_true", help=f"write nothing; say whether {table.name} is what would be written"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that differs")
    options = parser.parse_args(arguments)
    try:
        rebuilt = make()
        there = table.read_text(encoding="utf-8") if table.exists() else None
        rows = rebuilt.count("\n") - 1
        if there == rebuilt:
            print(f"{table} is up to date: {rows:,} rows")
            return 0
        if there is not None:
            pairs = itertools.zip_longest(there.splitlines(), rebuilt.splitlines(), fillvalue="no line")
            line, (old, new) = next((n, pair) for n, pair in enumerate(pairs, start=1) if pair[0] != pair[1])
            difference = f'{table} differs from a rebuild, first in line {line}: it has "{old}", the rebuild "{new}"'
        else:
            difference = f"{table} does not exist"
        if options.check or (there is not None and not options.overwrite):
            todo = (
                "run without --check to write it" if there is None else "look at the change, then run with --overwrite"
            )
            print(f"{difference}; {todo}", file=sys.stderr)
            return 2
        growing = table.with_name(table.name + ".part")  # a stop in the middle leaves the old table whole
        growing.write_text(rebuilt, encoding="utf-8", newline="\n")
        growing.replace(table)
    except (ImportError, OSError, ValueError) as error:
        print(f"{table.name} cannot be rebuilt: {error}", file=sys.stderr)
        return 2
    print(f"wrote {table}: {rows:,} rows")
    return 0
