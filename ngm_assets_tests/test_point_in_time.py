"""A day's gold and features follow from the raw rows known by its end, however the days are run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ngm_assets.demo.generate import generate
from ngm_assets.engine import duckdb
from ngm_assets.errors import ComputeError
from ngm_assets.features.tables import feature_contracts
from ngm_assets.features.writing import days_in_turn
from ngm_assets.features.writing import write_features as write_feature_table
from ngm_assets.gold.arrivals import raw_rows
from ngm_assets.gold.quality import gold_findings
from ngm_assets.gold.tables import gold_contracts, rejects_contract
from ngm_assets.lakehouse.contract import TableContract
from ngm_assets.lakehouse.quality import in_turn, measure
from ngm_assets.platform import Platform
from ngm_assets_tests.comparing import Row, assert_same_rows, differences
from ngm_assets_tests.estate import open_estate, read, read_rows, write_features, write_gold
from ngm_assets_tests.landings import awkward_landing
from ngm_assets_tests.trimming import trim

START = date(2023, 12, 11)
DAYS = 34
END = START + timedelta(days=DAYS + 2)
SEEDS = (5, 8)
GOLD = tuple(gold_contracts().values())
FEATURES = tuple(feature_contracts().values())
FEW = 20
"""Raw rows that a query may read at once."""
MIDDLE = START + timedelta(days=29)

Tables = dict[str, list[Row]]


class Estates:
    """Whole landings and the gold and features of all their days, made once per seed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: dict[int, tuple[Path, Platform]] = {}

    def whole(self, seed: int) -> tuple[Path, Platform]:
        """Return a landing and the platform that holds everything of it, run as one range."""
        if seed not in self.made:
            landing = self.folder / f"landing {seed}"
            awkward_landing(landing, seed=seed, days=DAYS, start=START)
            platform = open_estate(landing, self.folder / f"home {seed}")
            write_gold(platform, START, END)
            write_features(platform, START, END)
            self.made[seed] = landing, platform
        return self.made[seed]


@pytest.fixture(scope="module")
def estates(tmp_path_factory: pytest.TempPathFactory) -> Estates:
    """Return the landings of this module."""
    return Estates(tmp_path_factory.mktemp("estates"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home of its own."""
    return tmp_path / "own home"


def contents(
    platform: Platform,
    contracts: tuple[TableContract, ...],
    start: date | None = None,
    end: date | None = None,
) -> Tables:
    """Return the rows of some tables on the days `start..end`, by full name."""
    return {c.full_name: read_rows(platform, c.full_name, start, end) for c in contracts}


def key_of(table: str, rows: list[Row]) -> list[str]:
    """Return columns that identify a row; rejected rows have none but all of theirs."""
    contracts = {c.full_name: c for c in (*GOLD, *FEATURES)}
    if table in contracts:
        return [contracts[table].partition, *contracts[table].entity_key]
    return list(rows[0]) if rows else []


def assert_same_tables(found: Tables, expected: Tables) -> None:
    """Fail unless all rows are equal, floats to the last bit."""
    assert found.keys() == expected.keys()
    for table, rows in expected.items():
        assert_same_rows(table, numbered(found[table]), numbered(rows), [*key_of(table, rows), "#"])


def numbered(rows: list[Row]) -> list[Row]:
    """Return rows with a number that tells equal ones apart."""
    seen: dict[str, int] = {}
    found = []
    for row in rows:
        text = repr(sorted(row.items(), key=lambda item: item[0]))
        seen[text] = seen.get(text, -1) + 1
        found.append(row | {"#": seen[text]})
    return found


def test_gold_in_spans_of_few_rows_is_that_of_one_query(
    estates: Estates, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So are the counts on which its checks stand, and their findings."""
    landing, whole = estates.whole(SEEDS[0])
    facts = {c.name: measure(whole.engine, c, START, END) for c in GOLD}
    found = {c.name: gold_findings(whole.engine, c, facts[c.name], START, END) for c in GOLD}
    monkeypatch.setattr(duckdb, "ROWS_AT_ONCE", FEW)
    spans = in_turn(whole.engine, raw_rows(whole.engine, GOLD[-1], START, END), START, END)
    assert len(spans) > 5
    divided = open_estate(landing, home)
    write_gold(divided, START, END)
    everything = (*GOLD, *(rejects_contract(contract) for contract in GOLD))
    assert_same_tables(contents(divided, everything), contents(whole, everything))
    for contract in GOLD:
        again = measure(divided.engine, contract, START, END)
        assert again == facts[contract.name]
        assert gold_findings(divided.engine, contract, again, START, END) == found[contract.name]


def test_features_in_spans_of_few_rows_are_those_of_one_query(estates: Estates, home: Path) -> None:
    """Each span is a commit of its own, on a day or on many."""
    landing, whole = estates.whole(SEEDS[0])
    divided = open_estate(landing, home)
    write_gold(divided, START, END)
    engine, words = divided.engine, divided.settings.words
    for contract in FEATURES:
        few = contract.model_copy(update={"rows_at_once": FEW})
        spans = days_in_turn(engine, few, START, END)
        assert len(spans) > 5, contract.name
        divided.lakehouse.prepare(few)
        before = divided.lakehouse.version(few.full_name) or 0
        write_feature_table(engine, few, words, START, END)
        assert divided.lakehouse.version(few.full_name) == before + len(spans)
    assert_same_tables(contents(divided, FEATURES), contents(whole, FEATURES))


def test_a_failure_between_two_spans_leaves_whole_days(
    estates: Estates, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing, whole = estates.whole(SEEDS[0])
    divided = open_estate(landing, home)
    write_gold(divided, START, END, ["fact_audit_logs"])
    contract = feature_contracts()["security_features"].model_copy(update={"rows_at_once": FEW})
    engine, words = divided.engine, divided.settings.words
    done = [last for first, last in days_in_turn(engine, contract, START, END) if first < MIDDLE]

    def fails(self: duckdb.DuckDBEngine, *given: Any, **more: Any) -> None:
        if given[2] >= MIDDLE:
            raise ComputeError("gone")
        undisturbed(self, *given, **more)

    undisturbed = duckdb.DuckDBEngine.overwrite
    with monkeypatch.context() as patched:
        patched.setattr(duckdb.DuckDBEngine, "overwrite", fails)
        with pytest.raises(ComputeError, match="gone"):
            write_feature_table(engine, contract, words, START, END)
    assert START < done[-1] < END
    assert_same_tables(contents(divided, (contract,)), contents(whole, (contract,), None, done[-1]))
    write_feature_table(engine, contract, words, START, END)
    assert_same_tables(contents(divided, (contract,)), contents(whole, (contract,)))


@given(
    seed=st.sampled_from(SEEDS),
    day=st.dates(START + timedelta(days=1), START + timedelta(days=DAYS - 1)),
)
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_features_of_a_day_need_no_raw_row_dated_after_it(
    estates: Estates, seed: int, day: date
) -> None:
    landing, whole = estates.whole(seed)
    with TemporaryDirectory(dir=estates.folder) as folder:
        trim(landing, Path(folder, "landing"), lambda _, dated: dated <= day)
        then = open_estate(Path(folder, "landing"), Path(folder, "home"))
        write_gold(then, START, day)
        write_features(then, day, day)
        found = contents(then, FEATURES, day, day)
        assert_same_tables(found, contents(whole, FEATURES, day, day))
        assert any(found.values())


def days() -> Iterator[date]:
    """Yield four days in the middle."""
    return (MIDDLE + timedelta(days=n) for n in range(4))


def test_gold_of_a_range_is_the_gold_of_its_days(estates: Estates, home: Path) -> None:
    landing, whole = estates.whole(SEEDS[0])
    alone = open_estate(landing, home)
    for day in days():
        write_gold(alone, day, day)
    tables = (*GOLD, *map(rejects_contract, GOLD))
    first, last = MIDDLE, MIDDLE + timedelta(days=3)
    found = contents(alone, tables, first, last)
    assert_same_tables(found, contents(whole, tables, first, last))
    assert all(found[c.full_name] for c in GOLD)


def test_features_of_a_range_are_the_features_of_its_days(estates: Estates, home: Path) -> None:
    landing, whole = estates.whole(SEEDS[0])
    alone = open_estate(landing, home)
    gold = whole.settings.delta_root / "gold"
    shutil.copytree(gold, alone.settings.delta_root / "gold")
    for day in days():
        write_features(alone, day, day)
    found = contents(alone, FEATURES)
    assert_same_tables(found, contents(whole, FEATURES, MIDDLE, MIDDLE + timedelta(days=3)))
    assert all(found.values())


def test_running_again_gives_the_same_rows_to_the_last_bit(estates: Estates, home: Path) -> None:
    landing, whole = estates.whole(SEEDS[0])
    again = open_estate(landing, home)
    tables = (*GOLD, *map(rejects_contract, GOLD), *FEATURES)
    write_gold(again, START, END)
    write_features(again, START, END)
    assert_same_tables(contents(again, tables), contents(whole, tables))


def test_late_rows_change_their_day_once_it_is_run_again_and_no_other(
    estates: Estates, home: Path
) -> None:
    landing, whole = estates.whole(SEEDS[1])
    early = home.with_name("early landing")
    trim(landing, early, lambda number, dated: dated != MIDDLE or number % 4 == 0)
    before = open_estate(early, home)
    write_gold(before, START, END)
    write_features(before, START, END)
    tables = (*GOLD, *map(rejects_contract, GOLD), *FEATURES)
    old = contents(before, tables)

    after = open_estate(landing, home)
    write_gold(after, MIDDLE, MIDDLE)
    write_features(after, MIDDLE, MIDDLE)
    new = contents(after, tables)

    def split(rows: Tables, *, on_the_day: bool) -> Tables:
        dates = {c.full_name: c.partition for c in tables}
        return {
            name: [row for row in found if (row[dates[name]] == MIDDLE) is on_the_day]
            for name, found in rows.items()
        }

    assert_same_tables(split(new, on_the_day=False), split(old, on_the_day=False))
    assert_same_tables(split(new, on_the_day=True), contents(whole, tables, MIDDLE, MIDDLE))
    late = split(old, on_the_day=True)
    changed = {
        name
        for name, rows in split(new, on_the_day=True).items()
        if differences(numbered(rows), numbered(late[name]), ["#", *key_of(name, rows)], 0)
    }
    few = {"gold.dim_cluster"} | {rejects_contract(c).full_name for c in GOLD}
    assert changed | few == {c.full_name for c in tables}


def test_a_day_without_rows_is_emptied_when_it_is_run_again(estates: Estates, home: Path) -> None:
    landing, whole = estates.whole(SEEDS[0])
    gone = home.with_name("emptied landing")
    trim(landing, gone, lambda _, dated: dated != MIDDLE)
    next_day = MIDDLE + timedelta(days=1)
    write_gold(open_estate(landing, home), MIDDLE, next_day)
    emptied = open_estate(gone, home)
    write_gold(emptied, MIDDLE, MIDDLE)
    assert_same_tables(contents(emptied, GOLD), contents(whole, GOLD, next_day, next_day))
    assert all(contents(whole, GOLD, MIDDLE, MIDDLE).values())


def test_features_do_not_depend_on_the_range_down_to_the_last_bit(tmp_path: Path) -> None:
    """On quantities that are no round numbers in binary, unlike those of the awkward landings."""
    made = generate(tmp_path / "landing", days=45, seed=5, scale=0.1)
    whole = open_estate(tmp_path / "landing", tmp_path / "whole")
    write_gold(whole, made.start, made.end)
    write_features(whole, made.start, made.end)
    gold = Path("lakehouse", "local", "gold")
    shutil.copytree(tmp_path / "whole" / gold, tmp_path / "parts" / gold)
    parts = open_estate(tmp_path / "landing", tmp_path / "parts")
    cuts = [made.start, made.start + timedelta(days=17), made.start + timedelta(days=18)]
    ends = [*(cut - timedelta(days=1) for cut in cuts[1:]), made.end]
    for start, end in zip(cuts, ends, strict=True):
        write_features(parts, start, end)
    for contract in feature_contracts().values():
        rows = read(whole, contract.full_name)
        assert len(rows)
        again = read(parts, contract.full_name)
        assert [name for name in rows if not rows[name].equals(again[name])] == []
