"""A process of its own that overwrites one partition until it has done its share or is killed.

Run as `python -m ngm_assets_tests.lakehouse.writer <root> <day> <first value> <times> <rows>`. It
prints a line when it is ready, waits for a line, and then writes `times` versions of the partition,
each told in a line of its own.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from ngm_assets_tests.lakehouse.tables import Rows, write


def partition(day: date, value: int, rows: int) -> Rows:
    """Return all rows of one version of a partition."""
    return [(f"{number:05}", day, value) for number in range(rows)]


def main() -> None:
    """Write as the arguments say."""
    root, day = Path(sys.argv[1]), date.fromisoformat(sys.argv[2])
    first, times, rows = map(int, sys.argv[3:])
    with TemporaryDirectory() as warm_up:
        write(Path(warm_up), partition(day, 0, rows), day, day)
    print("ready", flush=True)
    sys.stdin.readline()
    for value in range(first, first + times):
        write(root, partition(day, value, rows), day, day)
        print(value, flush=True)


if __name__ == "__main__":
    main()
