"""Usage records and run attempts as a person would work them out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ngm_assets_tests.oracle.gold_jobs import attempt_rows
from ngm_assets_tests.oracle.gold_usage import product_family, usage_rows

Row = dict[str, Any]
MONDAY = date(2024, 3, 4)


def at(hour: float, day: date = MONDAY) -> datetime:
    """Return a moment of a day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


def piece(first: float, last: float | None, result: str | None = None, **more: Any) -> Row:
    """Return a slice of run 1 of job 101."""
    return {
        "workspace_id": "w",
        "job_id": "101",
        "run_id": "1",
        "period_start_time": at(first),
        "period_end_time": None if last is None else at(last),
        "result_state": result,
        "compute_ids": ["c-1"],
    } | more


def record(**more: Any) -> Row:
    """Return a usage record of two DBU from ten to eleven on an all-purpose cluster."""
    return {
        "record_id": "r",
        "workspace_id": "w",
        "sku_name": "PREMIUM_ALL_PURPOSE_COMPUTE",
        "cloud": "AWS",
        "usage_start_time": at(10),
        "usage_end_time": at(11),
        "usage_date": MONDAY,
        "usage_unit": "DBU",
        "usage_quantity": Decimal(2),
        "usage_metadata": {"cluster_id": "c-1"},
    } | more


def price(value: float, first: float, last: float | None = None, **more: Any) -> Row:
    """Return a list price in USD, given as the default price."""
    return {
        "sku_name": "PREMIUM_ALL_PURPOSE_COMPUTE",
        "cloud": "AWS",
        "usage_unit": "DBU",
        "currency_code": "USD",
        "price_start_time": at(first),
        "price_end_time": None if last is None else at(last),
        "pricing": {"default": Decimal(value)},
    } | more


def attempts(*slices: Row) -> list[Row]:
    """Return the attempts in order."""
    return sorted(attempt_rows(list(slices))[0], key=lambda a: a["attempt"])


def test_hourly_slices_are_one_attempt_that_lasts_from_first_start_to_last_end() -> None:
    (run,) = attempts(piece(9.5, 10.5), piece(10.5, 11.5), piece(11.5, 12, "SUCCEEDED"))
    assert run["duration_sec"] == 2.5 * 3600
    assert (run["slices"], run["attempt"], run["outcome"]) == (3, 1, "succeeded")


def test_slices_on_the_clock_hour_give_the_same_attempt() -> None:
    (run,) = attempts(piece(9.5, 10), piece(10, 11), piece(11, 12, "SUCCEEDED"))
    assert run["duration_sec"] == 2.5 * 3600


def test_a_repair_is_a_second_attempt_with_its_own_start() -> None:
    first, second = attempts(piece(9, 10, "FAILED"), piece(14, 15), piece(15, 15.5, "SUCCEEDED"))
    assert (first["outcome"], first["duration_sec"]) == ("failure", 3600)
    assert (second["attempt"], second["start_time"], second["slices"]) == (2, at(14), 2)


def test_an_attempt_is_dated_by_the_day_it_ended() -> None:
    (run,) = attempts(piece(23, 24), piece(24, 25, "TIMED_OUT"))
    assert run["run_date"] == date(2024, 3, 5)
    assert run["outcome"] == "failure"


def test_a_run_without_a_result_is_not_in_gold_and_not_rejected() -> None:
    assert attempt_rows([piece(9, 10), piece(10, None)]) == ([], [])


def test_equal_slices_collapse_and_the_compute_of_all_is_kept() -> None:
    again = piece(9, 10, compute_ids=["c-2", "c-1"])
    (run,) = attempts(again, dict(again), piece(10, 11, "SUCCEEDED", compute_ids=["c-1"]))
    assert run["slices"] == 2
    assert run["compute_ids"] == ["c-1", "c-2"]


@pytest.mark.parametrize("unknown", [None, []])
def test_compute_that_is_not_known_is_an_empty_list(unknown: list[str] | None) -> None:
    (run,) = attempts(piece(9, 10, "SUCCEEDED", compute_ids=unknown))
    assert run["compute_ids"] == []


@pytest.mark.parametrize(
    ("slice_", "reason", "dated"),
    [
        (piece(9, None, "FAILED"), "result without period_end_time", MONDAY),
        (piece(9, 10, "FAILED", period_start_time=None), "null period_start_time", MONDAY),
        (piece(10, 9, "FAILED"), "end before start", MONDAY),
        (piece(9, 10, run_id=None), "null run_id", MONDAY),
        (
            piece(9, None, period_start_time=None),
            "null period_start_time",
            date(1970, 1, 1),
        ),
    ],
)
def test_a_broken_slice_is_rejected_with_its_reason(slice_: Row, reason: str, dated: date) -> None:
    kept, (rejected,) = attempt_rows([slice_])
    assert kept == []
    assert (rejected["reason"], rejected["run_date"]) == (reason, dated)


def only(record_: Row, prices: list[Row], slices: tuple[Row, ...] = ()) -> Row:
    """Return the one gold row of one usage record."""
    ((row,), rejected) = usage_rows([record_], prices, list(slices))
    assert rejected == []
    return row


def test_where_prices_overlap_the_one_that_started_last_counts() -> None:
    row = only(record(), [price(0.5, 0), price(0.75, 9), price(0.25, 5)])
    assert (row["list_price"], row["list_cost"], row["matching_prices"]) == (0.75, 1.5, 3)


def test_a_price_holds_from_its_start_until_just_before_its_end() -> None:
    assert only(record(), [price(0.5, 0, 10), price(0.75, 10, 24)])["list_price"] == 0.75


def test_the_effective_price_goes_before_the_default_price() -> None:
    both = {"default": Decimal(9), "effective_list": {"default": Decimal(1)}}
    assert only(record(), [price(0, 0, pricing=both)])["list_price"] == 1


@pytest.mark.parametrize(
    "other", [{"currency_code": "EUR"}, {"cloud": None}, {"usage_unit": "GB"}, {"sku_name": "X"}]
)
def test_a_price_of_another_kind_leaves_the_cost_unknown(other: Row) -> None:
    row = only(record(), [price(0.5, 0, **other)])
    assert (row["list_price"], row["list_cost"], row["matching_prices"]) == (None, None, 0)


def test_a_null_cloud_matches_a_null_cloud() -> None:
    assert only(record(cloud=None), [price(0.5, 0, cloud=None)])["list_cost"] == 1


def test_the_jobs_price_is_that_of_the_sku_of_the_same_name() -> None:
    row = only(record(), [price(0.5, 0), price(0.125, 0, sku_name="PREMIUM_JOBS_COMPUTE")])
    assert row["jobs_list_price"] == 0.125


@pytest.mark.parametrize(
    ("slice_", "expected"),
    [
        (piece(9, 10.5), True),
        (piece(9, 10), False),
        (piece(11, 12), False),
        (piece(10.25, 10.25), False),
        (piece(10.5, 25), False),
        (piece(10.5, 24), True),
        (piece(9, 10.5, compute_ids=["c-2"]), False),
        (piece(9, 10.5, workspace_id="another"), False),
    ],
)
def test_all_purpose_use_is_job_work_when_a_run_used_the_cluster_meanwhile(
    slice_: Row, expected: bool
) -> None:
    assert only(record(), [], (slice_,))["is_job_work"] is expected


def test_a_record_that_names_a_job_is_job_work() -> None:
    assert only(record(usage_metadata={"job_id": "101"}), [])["is_job_work"] is True


def test_of_a_record_sent_twice_on_a_day_the_later_one_counts_but_each_day_has_its_own() -> None:
    early = record(ingestion_date=MONDAY, usage_quantity=Decimal(1))
    late = record(ingestion_date=MONDAY + timedelta(days=2), usage_quantity=Decimal(3))
    next_day = record(usage_date=MONDAY + timedelta(days=1), usage_quantity=Decimal(7))
    kept, _ = usage_rows([late, early, next_day], [], [])
    assert {row["usage_date"]: row["usage_quantity"] for row in kept} == {
        MONDAY: 3,
        MONDAY + timedelta(days=1): 7,
    }


@pytest.mark.parametrize(
    ("sku", "product", "family"),
    [
        ("PREMIUM_ALL_PURPOSE_DLT", "JOBS", "all_purpose"),
        ("PREMIUM_REAL_TIME_INFERENCE", None, "serving"),
        ("PREMIUM_JOBS_SERVERLESS", "DLT", "dlt"),
        ("PREMIUM_JOBS_COMPUTE", None, "jobs"),
        ("PREMIUM_SQL_PRO", None, "sql"),
        ("X", "DEFAULT_STORAGE", "storage"),
        ("PREMIUM_INTERNET_EGRESS", None, "network"),
        ("X", None, "other"),
    ],
)
def test_the_product_family_is_the_first_that_fits(
    sku: str, product: str | None, family: str
) -> None:
    assert product_family(sku, product) == family
