"""A landing is reproducible byte for byte, whole or absent, and never overwrites foreign data."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ngm_assets.demo.generate import DEMO_END, generate
from ngm_assets.demo.schemas import TABLES
from ngm_assets.demo.write import MARK
from ngm_assets.errors import ConfigError
from ngm_assets_tests.demo.conftest import DAYS, SCALE, Landing


def prints(folder: Path) -> dict[str, str]:
    """Return a digest per file."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


class KilledError(RuntimeError):
    """Stands for a kill in the middle of the work."""


def killed_after(table: str) -> Callable[[str, int, int], None]:
    """Return a progress callback that stops the generator after a table."""

    def progress(name: str, done: int, of: int) -> None:
        if name == table:
            raise KilledError(f"{name} {done}/{of}")

    return progress


def test_the_same_seed_gives_the_same_bytes(landing: Landing, tmp_path: Path) -> None:
    again = generate(tmp_path / "again", days=DAYS, scale=SCALE)
    assert again == landing.summary
    assert prints(tmp_path / "again") == prints(landing.folder)


def test_another_seed_gives_other_rows_in_every_table(landing: Landing, tmp_path: Path) -> None:
    generate(tmp_path / "other", days=DAYS, scale=SCALE, seed=8)
    other, own = prints(tmp_path / "other"), prints(landing.folder)
    same = {name for name in own.keys() & other.keys() if own[name] == other[name]}
    assert same <= {"billing/list_prices/part-0.parquet"}


def test_the_summary_counts_what_is_on_disk(landing: Landing) -> None:
    on_disk = {
        table: sum(
            pq.ParquetFile(f).metadata.num_rows for f in (landing.folder / table).rglob("*.parquet")
        )
        for table in TABLES
    }
    assert dict(landing.summary.rows) == on_disk
    assert landing.summary.end == DEMO_END == date(2026, 6, 28)
    assert (landing.summary.end - landing.summary.start).days == DAYS - 1


def test_progress_names_every_table_in_turn(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    generate(tmp_path / "x", days=30, scale=0.1, progress=lambda *step: seen.append(step))
    assert seen == [(table, n + 1, len(TABLES)) for n, table in enumerate(TABLES)]


def test_a_generator_stopped_half_way_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        generate(tmp_path / "x", days=30, scale=0.1, progress=killed_after("access/audit"))
    assert list(tmp_path.iterdir()) == []


def test_a_generator_stopped_half_way_keeps_the_landing_before(tmp_path: Path) -> None:
    generate(tmp_path / "x", days=30, scale=0.1)
    before = prints(tmp_path / "x")
    with pytest.raises(KilledError):
        generate(tmp_path / "x", days=30, scale=0.1, seed=9, progress=killed_after(TABLES[-1]))
    assert prints(tmp_path / "x") == before
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_landing_of_the_demo_is_replaced_and_leftovers_of_a_kill_go(tmp_path: Path) -> None:
    for leftover in (".x.partial", ".x.replaced"):
        (tmp_path / leftover / "billing").mkdir(parents=True)
    generate(tmp_path / "x", days=30, scale=0.1, seed=9)
    generate(tmp_path / "x", days=30, scale=0.1)
    generate(tmp_path / "y", days=30, scale=0.1)
    assert prints(tmp_path / "x") == prints(tmp_path / "y")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x", "y"]


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "real"
    folder.mkdir()
    (folder / "precious.parquet").write_bytes(b"x")
    with pytest.raises(ConfigError, match=MARK):
        generate(folder, days=30, scale=0.1)
    assert prints(folder) == {"precious.parquet": hashlib.sha256(b"x").hexdigest()}


def test_a_file_as_landing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError, match="is a file"):
        generate(tmp_path / "file", days=30, scale=0.1)


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    generate(tmp_path / "x", days=30, scale=0.1)
    assert (tmp_path / "x" / MARK).is_file()


@pytest.mark.parametrize(
    ("days", "seed", "scale", "field"),
    [(29, 7, 1.0, "days"), (60, -1, 1.0, "seed"), (60, 7, 0.0, "scale"), (60, 7, 11.0, "scale")],
)
def test_arguments_out_of_range_are_refused(
    tmp_path: Path, days: int, seed: int, scale: float, field: str
) -> None:
    with pytest.raises(ConfigError, match=f"where: generate: {field}"):
        generate(tmp_path / "x", days=days, seed=seed, scale=scale)
    assert list(tmp_path.iterdir()) == []
