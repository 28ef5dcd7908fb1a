"""Awkward usage records and list prices."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from ngm_assets_tests.landing_rows.dice import Row, at, copied, dice, home, quiet_days

if TYPE_CHECKING:
    import random

ALL_PURPOSE = "PREMIUM_ALL_PURPOSE_COMPUTE"
PHOTON = "PREMIUM_ALL_PURPOSE_COMPUTE_(PHOTON)"
EARLY_ONLY = "PREMIUM_DLT_ADVANCED_COMPUTE"
LATE_ONLY = "PREMIUM_SERVERLESS_REAL_TIME_INFERENCE"
SKUS = (
    (ALL_PURPOSE, "ALL_PURPOSE", "DBU"),
    (ALL_PURPOSE, "ALL_PURPOSE", "DBU"),
    (PHOTON, None, "DBU"),
    ("PREMIUM_JOBS_COMPUTE", "JOBS", "DBU"),
    ("PREMIUM_JOBS_SERVERLESS_COMPUTE", "DLT", "DBU"),
    ("PREMIUM_SQL_PRO_COMPUTE", "SQL", "DBU"),
    (EARLY_ONLY, "DLT", "DBU"),
    (LATE_ONLY, "MODEL_SERVING", "DBU"),
    ("PREMIUM_DATABRICKS_STORAGE", "DEFAULT_STORAGE", "DSU"),
    ("PREMIUM_INTERNET_EGRESS", "NETWORKING", "GB"),
    ("PREMIUM_APPS_COMPUTE", "APPS", "DBU"),
    ("ODD 'sku' \"é\"", "APPS", "DBU"),
)
TAGS: tuple[dict[str, str | None] | None, ...] = (
    None,
    {},
    {"owner": 'O\'Neil "the" Ünïcode'},
    {"owner": "data", "team": "x,y;z"},
    {"owner": "   "},
    {"owner": ""},
    {"owner": None},
    {"Owner": "another key"},
    {"team": "数据", "owner": " padded "},
)
BUSY, BUSY_TOO, STOPS, SILENT = "1001", "1002", "1003", "7"


def prices(seed: int, span: list[date]) -> list[Row]:
    """Return list prices: changed mid-way, overlapping, missing, in euro, and repeated."""
    rng = dice(seed, "prices")
    middle = at(span[len(span) // 2], 0)
    long_ago = at(span[0] - timedelta(days=400), 0)
    rows = []
    for sku, _, unit in dict.fromkeys(SKUS):
        if sku.startswith("ODD"):
            continue
        for cloud in ("AWS", None):
            first, second = Fraction(rng.randrange(8, 40), 64), Fraction(rng.randrange(8, 40), 64)
            if sku != LATE_ONLY:
                rows.append(price(rng, sku, cloud, unit, long_ago, middle, first))
            if sku != EARLY_ONLY:
                rows.append(price(rng, sku, cloud, unit, middle, None, second))
            euro = price(rng, sku, cloud, unit, long_ago, None, first * 4)
            rows.append(euro | {"currency_code": "EUR"})
    for sku in ("PREMIUM_SQL_PRO_COMPUTE", "PREMIUM_JOBS_COMPUTE"):
        began = middle + timedelta(days=3)
        rows.append(price(rng, sku, "AWS", "DBU", began, None, Fraction(63, 64)))
    rows.append(price(rng, "PREMIUM_SQL_PRO_COMPUTE", "AWS", "GB", long_ago, None, Fraction(9)))
    rows = [row for row in rows if row["sku_name"] != "PREMIUM_JOBS_COMPUTE_(PHOTON)"]
    return copied(rng, rows, 0.15)


def price(
    rng: random.Random,
    sku: str,
    cloud: str | None,
    unit: str,
    began: object,
    ended: object,
    value: Fraction,
) -> Row:
    """Return one list price, given as the effective price, the default one, or both."""
    how = rng.randrange(4)
    effective = {"default": value} if how != 0 else rng.choice((None, {"default": None}))
    return {
        "account_id": "acc",
        "price_start_time": began,
        "price_end_time": ended,
        "sku_name": sku,
        "cloud": cloud,
        "currency_code": "USD",
        "usage_unit": unit,
        "pricing": {
            "default": value if how == 0 else (None if how == 1 else value * 2),
            "promotional": {"default": Fraction(1, 64)} if how == 2 else None,
            "effective_list": effective,
        },
        "_home": home(rng),
    }


def usage(seed: int, span: list[date]) -> list[Row]:
    """Return usage records: corrected, repeated, untagged, unpriced and broken ones too."""
    rng = dice(seed, "usage")
    quiet = quiet_days(rng, span)
    rows: list[Row] = []
    for number, day in enumerate(span):
        present = [BUSY, BUSY_TOO]
        present += [STOPS] if number < 5 else []
        present += [SILENT] if number in (0, len(span) - 1) else []
        for workspace in present:
            if day in quiet and workspace != SILENT:
                continue
            for _ in range(rng.randrange(2, 6)):
                rows.append(record(rng, workspace, day, len(rows)))
    rows += retractions(rng, rows) + later_versions(rng, rows)
    return copied(rng, rows, 0.08) + broken(rng, span)


def record(rng: random.Random, workspace: str, day: date, number: int) -> Row:
    """Return one usage record of a day, most an hour long."""
    sku, product, unit = rng.choice(SKUS)
    hour = rng.choice((0, 5, 9, 10, 11, 20, 22, 23))
    began = at(day, hour * 3600 + rng.choice((0, 0, 0, 900)))
    length: int | None = rng.choice((3600, 3600, 3600, 1800, 0, None, 7200))
    cluster = rng.choice(("c-1", "c-2", "c-3", None)) if "ALL_PURPOSE" in sku else None
    return {
        "account_id": "acc",
        "workspace_id": workspace,
        "record_id": f"r-{number}",
        "sku_name": sku,
        "cloud": rng.choice(("AWS", "AWS", "AWS", None, "AZURE")),
        "usage_start_time": began,
        "usage_end_time": None if length is None else began + timedelta(seconds=length),
        "usage_date": rng.choice((day, day, day, None)),
        "custom_tags": rng.choice(TAGS),
        "usage_unit": unit,
        "usage_quantity": Fraction(rng.randrange(0, 6400), 64),
        "usage_metadata": rng.choice((metadata(rng, cluster), metadata(rng, cluster), None)),
        "identity_metadata": rng.choice((None, {"run_as": "Ana@Example.com"})),
        "record_type": "ORIGINAL",
        "ingestion_date": day + timedelta(days=rng.choice((0, 0, 1, 4))),
        "billing_origin_product": product,
        "product_features": rng.choice(
            (None, {"is_serverless": True}, {"is_serverless": False, "is_photon": True}, {})
        ),
        "usage_type": "COMPUTE_TIME",
        "_home": home(rng),
    }


def metadata(rng: random.Random, cluster: str | None) -> Row:
    """Return the ids a record carries."""
    return {
        "cluster_id": cluster,
        "job_id": rng.choice((None, None, None, "101", "102")),
        "job_name": rng.choice((None, "nightly \"load\" 'é'", "Nightly_X,Y;Z-load")),
        "job_run_id": rng.choice((None, "9001", "9002", "9003")),
        "warehouse_id": rng.choice((None, "w-1")),
    }


def retractions(rng: random.Random, rows: list[Row]) -> list[Row]:
    """Return corrections: a negative record and its restatement, each with an id of its own."""
    more = []
    for row in rng.sample(rows, len(rows) // 20):
        for kind, quantity in (
            ("RETRACTION", -row["usage_quantity"]),
            ("RESTATEMENT", row["usage_quantity"] / 2),
        ):
            change = {"record_id": f"{row['record_id']}-{kind}", "record_type": kind}
            more.append(row | change | {"usage_quantity": quantity})
    return more


def later_versions(rng: random.Random, rows: list[Row]) -> list[Row]:
    """Return records sent again: the same day's in another version, and one on another day."""
    more = []
    for row in rng.sample(rows, len(rows) // 15):
        came = row["ingestion_date"] + timedelta(days=rng.randrange(1, 4))
        again = row | {"ingestion_date": came, "_home": home(rng)}
        more.append(again | {"usage_quantity": row["usage_quantity"] + Fraction(1, 64)})
    for row in rng.sample([r for r in rows if r["usage_date"] is not None], 2):
        more.append(row | {"usage_date": row["usage_date"] + timedelta(days=1)})
    return more


def broken(rng: random.Random, span: list[date]) -> list[Row]:
    """Return a record for every hard rule, breaking just that one."""
    found = []
    for number, name in enumerate(
        (
            "record_id",
            "workspace_id",
            "sku_name",
            "usage_start_time",
            "usage_unit",
            "usage_quantity",
        )
    ):
        row = record(rng, BUSY, rng.choice(span), 90000 + number)
        found.append(row | {name: None, "usage_end_time": None})
    row = record(rng, BUSY, rng.choice(span), 90100)
    found.append(row | {"usage_end_time": row["usage_start_time"] - timedelta(seconds=1)})
    nowhere = record(rng, BUSY, rng.choice(span), 90200)
    found.append(nowhere | {"usage_start_time": None, "usage_date": None, "usage_end_time": None})
    return found
