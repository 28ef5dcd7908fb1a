"""Upkeep of one Delta table on disk: few files per partition, a short log, no rubbish."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

if TYPE_CHECKING:
    from deltalake import DeltaTable

TARGET_BYTES = 100 * 2**20
"""What files that are put together come to at most."""
ATTEMPTS = 6
PAUSE = 0.05
COMMITS = 10
"""Commits after the newest checkpoint from which another one is made."""
Done = TypeVar("Done")
BUSY = "Another process kept writing it; the next maintenance tries again."


@dataclass(frozen=True)
class Upkeep:
    """What maintenance did to one table; of a dry run, what it would do.

    Attributes:
        table: Its full name.
        files_before: Data files that a reader opened before.
        files_after: Data files that a reader opens now.
        bytes_before: Bytes it took, older versions and the log included; on Databricks those of
            the newest version.
        bytes_after: Bytes it takes now.
        merged: Small files that were put together.
        deleted: Files of older versions and of writers that died, gone now; None = not told.
        checkpointed: Whether its log was put together.
        note: Why something was not done; empty = all was done.
        failed: Whether that is a fault, and not just another writer.
    """

    table: str
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    merged: int = 0
    deleted: int | None = 0
    checkpointed: bool = False
    note: str = ""
    failed: bool = False

    @property
    def freed(self) -> int:
        """Bytes that were given back."""
        return self.bytes_before - self.bytes_after


@dataclass
class _Done:
    merged: int = 0
    deleted: Sequence[str] = ()
    checkpointed: bool = False
    note: str = ""
    failed: bool = False


def maintain_delta(folder: Path, name: str, *, dry_run: bool) -> Upkeep:
    """Put small files of a partition together, delete what no reader needs, shorten the log.

    Rows stay as they are. A commit is made only where there is something to do. Files that left
    the table, and files that never came to belong to it, are deleted when they are older than the
    table's property `delta.deletedFileRetentionDuration` says (7 days unless set otherwise), so
    that a reader that opened the table since then goes on reading.

    Args:
        folder: Of the table.
        name: Full name of the table.
        dry_run: Only look.
    """
    from deltalake.exceptions import CommitFailedError, DeltaError

    done, before = _Done(), (0, _bytes(folder))
    after = before
    try:
        after = before = (_open_files(folder), before[1])
        (_look if dry_run else _work)(folder, done)
    except CommitFailedError:
        done.note = BUSY
    except (DeltaError, OSError) as error:
        done.note, done.failed = (str(error).splitlines() or [type(error).__name__])[0], True
    if not dry_run and not done.failed:
        after = (_open_files(folder), _bytes(folder))
    left = sum(_size(folder / unquote(file)) for file in done.deleted) if dry_run else 0
    return Upkeep(
        table=name,
        files_before=before[0],
        files_after=after[0],
        bytes_before=before[1],
        bytes_after=after[1] - left,
        merged=done.merged,
        deleted=len(done.deleted),
        checkpointed=done.checkpointed,
        note=done.note,
        failed=done.failed,
    )


def _look(folder: Path, done: _Done) -> None:
    from deltalake import DeltaTable

    table = DeltaTable(folder)
    done.merged = _small_files(table)
    done.deleted = table.vacuum(dry_run=True, full=True)
    done.checkpointed = _checkpoint_is_due(folder, table.version())


def _work(folder: Path, done: _Done) -> None:
    done.merged = _unless_beaten(lambda: _merge(folder))
    done.deleted = _unless_beaten(lambda: _vacuum(folder))
    done.checkpointed = _checkpoint(folder)


def _unless_beaten(job: Callable[[], Done]) -> Done:
    """Do something again that lost against another writer; the last time it may raise."""
    from deltalake.exceptions import CommitFailedError

    for attempt in range(1, ATTEMPTS):
        try:
            return job()
        except CommitFailedError:
            sleep(PAUSE * 2**attempt)
    return job()


def _merge(folder: Path) -> int:
    """Put the small files of each partition together; nothing is committed without any."""
    from deltalake import DeltaTable

    table = DeltaTable(folder)
    if not _small_files(table):
        return 0
    return int(table.optimize.compact(target_size=TARGET_BYTES)["numFilesRemoved"])


def _small_files(table: DeltaTable) -> int:
    """Count the small files that share a partition with another one; two of them fit into one."""
    actions: Any = table.get_add_actions(flatten=True)
    partition = f"partition.{table.metadata().partition_columns[0]}"
    days, sizes = (actions[column].to_pylist() for column in (partition, "size_bytes"))
    small = Counter(day for day, size in zip(days, sizes, strict=True) if size <= TARGET_BYTES // 2)
    return sum(count for count in small.values() if count > 1)


def _vacuum(folder: Path) -> Sequence[str]:
    from deltalake import DeltaTable

    table = DeltaTable(folder)
    if not table.vacuum(dry_run=True, full=True):
        return ()
    return list(table.vacuum(dry_run=False, full=True))


def _checkpoint(folder: Path) -> bool:
    """Put the log together; commits that are older than Delta's 30 days and in it are deleted."""
    from deltalake import DeltaTable

    table = DeltaTable(folder)
    if not _checkpoint_is_due(folder, table.version()):
        return False
    table.create_checkpoint()
    table.cleanup_metadata()
    return True


def _checkpoint_is_due(folder: Path, version: int) -> bool:
    found = folder.joinpath("_delta_log").glob("*.checkpoint*.parquet")
    newest = max((int(path.name.partition(".")[0]) for path in found), default=-1)
    return version - newest >= COMMITS


def _open_files(folder: Path) -> int:
    from deltalake import DeltaTable

    return len(DeltaTable(folder).file_uris())


def _bytes(folder: Path) -> int:
    return sum(_size(Path(parent, name)) for parent, _, names in os.walk(folder) for name in names)


def _size(path: Path) -> int:
    """Return the bytes of a file; none when another process deleted it meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
