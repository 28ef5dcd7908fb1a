"""A process of its own that maintains a table once it is told to, or is killed at it.

Run as `python -m ngm_assets_tests.lakehouse.maintainer <root>`. It prints a line when it is ready.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from ngm_assets.lakehouse.delta import DeltaLakehouse
from ngm_assets_tests.lakehouse.tables import DAY, write


def main() -> None:
    """Warm up, wait for a line, maintain."""
    with TemporaryDirectory() as warm_up:
        write(Path(warm_up), [("a", DAY, 1)], DAY, DAY)
        DeltaLakehouse(Path(warm_up)).maintain("some.thing")
    print("ready", flush=True)
    sys.stdin.readline()
    DeltaLakehouse(Path(sys.argv[1])).maintain("some.thing")
    print("done", flush=True)


if __name__ == "__main__":
    main()
