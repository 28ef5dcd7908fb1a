"""The rows of monitoring.data_quality: contract, volume and freshness of every table and day."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from ngm_assets.days import days_between
from ngm_assets.errors import NgmError
from ngm_assets.features.tables import feature_contracts
from ngm_assets.gold.tables import gold_contracts
from ngm_assets.lakehouse.quality import (
    Facts,
    Finding,
    contract_findings,
    daily_counts,
    measure_days,
    usual_counts,
    volume_finding,
)
from ngm_assets.models.data.dataset import catalog
from ngm_assets.monitoring.quality.due import due_rows, scores_every_row
from ngm_assets.predictions.tables import prediction_contract

if TYPE_CHECKING:
    from ngm_assets.lakehouse.contract import TableContract
    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.platform import Platform

Status = Literal["passed", "warned", "failed", "could_not_evaluate"]
SCHEMA, VOLUME, FRESH = "schema_matches_contract", "row_count_as_usual", "fresh"
USUAL_DAYS = 28
"""Days before that volume and freshness look back on."""
STALE_DAYS = 3
"""Days behind from which a table is an error and no longer a warning."""
NOTHING = Facts({}, {}, {}, {}, {}, 0)


def quality_rows(platform: Platform, start: date, end: date) -> list[dict[str, Any]]:
    """Return what the checks say of each gold, feature and prediction table on `start..end`.

    Rules and names are those of the assets' checks; of a day without rows only the schema, volume
    and freshness are judged. Columns and types are those stored now, for a table keeps no others;
    everything else of a day follows from rows dated that day or before.

    A table with rows due every day is fresh when it has rows of the day, else it is as many days
    behind as were due since its last rows: a warning, from `STALE_DAYS` on an error. Prediction
    tables are due on days with keys to score. Before a table's first day nothing is late: nobody
    can tell whether a model had no champion yet or just was not run, and neither is a fault of its
    rows. That, too, could not be evaluated, which differs from having passed.

    Args:
        platform: Where tables are read.
        start: First day.
        end: Last day.
    """
    days = days_between(start, end)
    return [
        found.row(watched.contract.full_name)
        for watched in watched_tables()
        for found in _table_checks(platform, watched, days)
    ]


@dataclass(frozen=True)
class Watched:
    """A table, and the model whose predictions it holds."""

    contract: TableContract
    spec: ModelSpec | None = None


def watched_tables() -> list[Watched]:
    """Return every gold, feature and prediction table."""
    written = [*gold_contracts().values(), *feature_contracts().values()]
    return [
        *(Watched(contract) for contract in written),
        *(Watched(prediction_contract(spec), spec) for spec in catalog()),
    ]


@dataclass(frozen=True)
class Checked:
    """The outcome of one check on one day."""

    day: date
    check: str
    status: Status
    rows: int
    offending: float | None
    detail: str
    numbers: Mapping[str, Any]

    def row(self, table: str) -> dict[str, Any]:
        """Return it as a row of monitoring.data_quality."""
        return {
            "monitor_date": self.day,
            "table_name": table,
            "check_name": self.check,
            "status": self.status,
            "rows": self.rows,
            "offending": self.offending,
            "detail": self.detail,
            "numbers": json.dumps(dict(self.numbers), sort_keys=True),
        }


def _table_checks(platform: Platform, watched: Watched, days: Sequence[date]) -> Iterator[Checked]:
    contract = watched.contract
    try:
        stored = platform.lakehouse.column_types(contract.full_name)
        counts = daily_counts(platform.engine, contract, None, days[-1])
    except NgmError as error:
        for day in days:
            yield _not_evaluated(day, FRESH, 0, _told(error))
        return
    first = min(counts, default=None)
    begun = [day for day in days if first is not None and day >= first]
    for day in days:
        if day not in begun:
            yield _not_evaluated(day, FRESH, 0, "Never written up to this day.")
    if begun:
        yield from _contract_checks(platform, contract, stored, counts, begun)
        yield from _arrivals(platform, watched, counts, begun)


def _contract_checks(
    platform: Platform,
    contract: TableContract,
    stored: Mapping[str, str],
    counts: Mapping[date, int],
    days: Sequence[date],
) -> Iterator[Checked]:
    """Judge schema, key, nulls, ranges and accepted values of each day in one scan."""
    try:
        facts, reason = measure_days(platform.engine, contract, days[0], days[-1]), ""
    except NgmError as error:
        facts, reason = {}, _told(error)
    for day in days:
        rows = counts.get(day, 0)
        for finding in contract_findings(contract, facts.get(day, NOTHING), stored):
            if day in facts or finding.name == SCHEMA:
                yield _found(day, rows, finding)
            else:
                yield _not_evaluated(day, finding.name, rows, reason or "No rows on the day.")


def _arrivals(
    platform: Platform, watched: Watched, counts: Mapping[date, int], days: Sequence[date]
) -> Iterator[Checked]:
    """Judge how many rows came, and when the last ones did."""
    contract, spec = watched.contract, watched.spec
    due: dict[date, int] | None = None
    reason = ""
    try:
        before = days[0] - timedelta(days=USUAL_DAYS if spec else 0)
        due = due_rows(platform, contract, spec, before, days[-1])
    except NgmError as error:
        reason = _told(error)
    for day in days:
        if due is None:
            yield _not_evaluated(day, VOLUME, counts.get(day, 0), reason)
        else:
            yield _volume(watched, counts, due, day)
        if contract.every_day and spec is not None and due is None:
            yield _not_evaluated(day, FRESH, counts.get(day, 0), reason)
        elif contract.every_day:
            yield _freshness(day, counts, None if spec is None else due)


def _volume(
    watched: Watched, counts: Mapping[date, int], due: Mapping[date, int], day: date
) -> Checked:
    steady = watched.contract.every_day and (watched.spec is None or scores_every_row(watched.spec))
    judged = watched.contract.model_copy(update={"every_day": steady})
    finding = volume_finding(judged, counts, due, [day])
    rows = counts.get(day, 0)
    if steady and finding.passed and not usual_counts(counts, day):
        reason = f"No rows on the same weekday in the {USUAL_DAYS} days before."
        return _not_evaluated(day, VOLUME, rows, reason)
    return _found(day, rows, finding)


def _freshness(day: date, counts: Mapping[date, int], due: Mapping[date, int] | None) -> Checked:
    """Judge how many days a table is behind; it has rows of the day or of one before.

    Args:
        day: The day.
        counts: Rows by day.
        due: Rows due by day, at least of the `USUAL_DAYS` before; None = some every day.
    """
    last = max(each for each in counts if each <= day)
    span = (day - timedelta(days=n) for n in range(min((day - last).days, USUAL_DAYS)))
    behind = sum(due is None or due.get(each, 0) > 0 for each in span)
    status: Status = "warned" if behind else "passed"
    return Checked(
        day,
        FRESH,
        "failed" if behind >= STALE_DAYS else status,
        counts.get(day, 0),
        float(behind),
        f"The last rows are of {last}, {behind} due days behind." if behind else "",
        {"last_day": last.isoformat(), "days_behind": behind},
    )


def _found(day: date, rows: int, finding: Finding) -> Checked:
    status: Status = "warned" if finding.warn else "failed"
    return Checked(
        day,
        finding.name,
        "passed" if finding.passed else status,
        rows,
        _offending(finding),
        "" if finding.passed else finding.detail or _schema_detail(finding.numbers),
        finding.numbers,
    )


def _offending(finding: Finding) -> float:
    """Return how many rows, columns or days break a rule."""
    numbers, found = finding.numbers, 0
    for name in ("missing", "changed"):
        found += len(numbers.get(name, ()))
    found += sum(numbers.get("offending_rows", {}).values())
    days = ("days_below_half_of_usual", "days_without_rows_though_source_has")
    return float(found + sum(numbers.get(name, 0) for name in ("duplicates", *days)))


def _schema_detail(numbers: Mapping[str, Any]) -> str:
    parts = [f"{name}: {', '.join(numbers[name])}" for name in ("missing", "changed")]
    return f"Columns {'; '.join(part for part in parts if not part.endswith(': '))}."


def _not_evaluated(day: date, check: str, rows: int, reason: str) -> Checked:
    return Checked(day, check, "could_not_evaluate", rows, None, reason, {})


def _told(error: NgmError) -> str:
    return f"{type(error).__name__}: {error.what}"
