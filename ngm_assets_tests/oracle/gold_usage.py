"""Works out usage records: their one list price, their family, and whether a job caused them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from ngm_assets_tests.oracle.reading import Row, day, exact, inner, moment, text

NO_DATE = date(1970, 1, 1)
CURRENCY = "USD"
OWNER_TAG = "owner"
REQUIRED = (
    "record_id",
    "workspace_id",
    "sku_name",
    "usage_start_time",
    "usage_unit",
    "usage_quantity",
)
SERVING_SKUS = ("MODEL_SERVING", "INFERENCE", "FOUNDATION_MODEL")
SERVING_PRODUCTS = ("MODEL_SERVING", "VECTOR_SEARCH", "FOUNDATION_MODEL_TRAINING")
NETWORK_SKUS = ("NETWORK", "EGRESS", "CONNECTIVITY")

Prices = dict[tuple[str | None, ...], list[Row]]
Slices = dict[tuple[str, str], list[Row]]


def usage_rows(raw: list[Row], prices: list[Row], slices: list[Row]) -> tuple[list[Row], list[Row]]:
    """Return the usage records kept, latest ingestion per day, and those rejected."""
    price_list, work = prices_by_sku(prices), slices_by_cluster(slices)
    latest: dict[tuple[date, str], Row] = {}
    rejected = []
    for source in raw:
        when = moment(source, "usage_start_time")
        dated = day(source, "usage_date") or (when.date() if when else NO_DATE)
        record = text(source, "record_id")
        reason = broken_rule(source)
        if reason or record is None:
            rejected.append({"usage_date": dated, "record_id": record, "reason": reason})
            continue
        before = latest.get((dated, record))
        if before is None or ingested(source) > ingested(before):
            latest[dated, record] = source
    kept = [usage_row(s, dated, price_list, work) for (dated, _), s in latest.items()]
    return kept, rejected


def ingested(source: Row) -> date:
    """Return the day a record came in; unknown is before every known day."""
    return day(source, "ingestion_date") or date.min


def broken_rule(source: Row) -> str | None:
    """Return the hard rule a raw usage record breaks."""
    for name in REQUIRED:
        if inner(source, name) is None:
            return f"null {name}"
    start, end = moment(source, "usage_start_time"), moment(source, "usage_end_time")
    return "end before start" if start and end and end < start else None


def prices_by_sku(raw: list[Row]) -> Prices:
    """Return the distinct USD list prices per SKU, cloud and unit."""
    found: Prices = {}
    for source in raw:
        effective = exact(source, "pricing", "effective_list", "default")
        price = {
            "start": moment(source, "price_start_time"),
            "end": moment(source, "price_end_time"),
            "price": exact(source, "pricing", "default") if effective is None else effective,
        }
        if text(source, "currency_code") != CURRENCY or None in (price["start"], price["price"]):
            continue
        key = (text(source, "sku_name"), text(source, "cloud"), text(source, "usage_unit"))
        if price not in found.setdefault(key, []):
            found[key].append(price)
    return found


def valid_prices(prices: Prices, sku: str, source: Row) -> list[Row]:
    """Return the prices that held for a SKU when the record's usage began, the latest last."""
    when: datetime | Any = moment(source, "usage_start_time")
    candidates = prices.get((sku, text(source, "cloud"), text(source, "usage_unit")), [])
    valid = [p for p in candidates if p["start"] <= when and (p["end"] is None or when < p["end"])]
    return sorted(valid, key=lambda p: p["start"])


def slices_by_cluster(raw: list[Row]) -> Slices:
    """Return the run slices that used each cluster, per workspace and cluster."""
    found: Slices = {}
    for source in raw:
        start, end = moment(source, "period_start_time"), moment(source, "period_end_time")
        workspace = text(source, "workspace_id")
        if start is None or end is None or workspace is None:
            continue
        for cluster in inner(source, "compute_ids") or []:
            found.setdefault((workspace, str(cluster)), []).append({"start": start, "end": end})
    return found


def job_work(source: Row, dated: date, slices: Slices) -> bool:
    """Return whether the record names a job, or runs ended by its day's end used its cluster.

    A record without length counts where its moment lies inside a slice.
    """
    if text(source, "usage_metadata", "job_id") is not None:
        return True
    cluster = text(source, "usage_metadata", "cluster_id")
    start, end = moment(source, "usage_start_time"), moment(source, "usage_end_time")
    if "ALL_PURPOSE" not in str(source["sku_name"]) or None in (cluster, start, end):
        return False
    midnight = datetime.combine(dated + timedelta(days=1), time(), tzinfo=UTC)
    return any(
        s["end"] <= midnight and s["end"] > s["start"] and s["start"] < end and start < s["end"]
        for s in slices.get((str(source["workspace_id"]), str(cluster)), [])
    )


def product_family(sku: str, product: str | None) -> str:
    """Return the product family of a SKU and the product it came from."""
    rules = (
        ("all_purpose", "ALL_PURPOSE" in sku),
        ("serving", any(s in sku for s in SERVING_SKUS) or product in SERVING_PRODUCTS),
        ("dlt", "DLT" in sku or product == "DLT"),
        ("jobs", "JOBS" in sku or product == "JOBS"),
        ("sql", "SQL" in sku or product == "SQL"),
        ("storage", "STORAGE" in sku or product == "DEFAULT_STORAGE"),
        ("network", product == "NETWORKING" or any(s in sku for s in NETWORK_SKUS)),
    )
    return next((family for family, holds in rules if holds), "other")


def owner_of(tags: dict[str, str | None] | None) -> str | None:
    """Return the owner tag without surrounding blanks, or None where it is empty."""
    return ((tags or {}).get(OWNER_TAG) or "").strip(" ") or None


def usage_row(source: Row, dated: date, prices: Prices, slices: Slices) -> Row:
    """Return the gold row of one raw usage record."""
    sku = str(source["sku_name"])
    quantity: Decimal | Any = exact(source, "usage_quantity")
    valid = valid_prices(prices, sku, source)
    price = float(valid[-1]["price"]) if valid else None
    jobs_prices = []
    if "ALL_PURPOSE" in sku:
        jobs_prices = valid_prices(prices, sku.replace("ALL_PURPOSE", "JOBS"), source)
    tags = inner(source, "custom_tags")
    row: Row = {
        "record_id": text(source, "record_id"),
        "usage_date": dated,
        "usage_start_time": moment(source, "usage_start_time"),
        "usage_end_time": moment(source, "usage_end_time"),
        "usage_quantity": quantity,
        "product_family": product_family(sku, text(source, "billing_origin_product")),
        "is_serverless": inner(source, "product_features", "is_serverless"),
        "is_photon": inner(source, "product_features", "is_photon"),
        "run_as": text(source, "identity_metadata", "run_as"),
        "custom_tags": tags,
        "owner_tag": owner_of(tags),
        "list_price": price,
        "list_cost": None if price is None else float(quantity) * price,
        "matching_prices": len(valid),
        "jobs_list_price": float(jobs_prices[-1]["price"]) if jobs_prices else None,
        "is_job_work": job_work(source, dated, slices),
        "ingestion_date": day(source, "ingestion_date"),
    }
    return row | top_level(source) | metadata(source)


def top_level(source: Row) -> Row:
    """Return the texts a record carries at its top level."""
    names = (
        "account_id",
        "workspace_id",
        "sku_name",
        "cloud",
        "usage_unit",
        "usage_type",
        "record_type",
        "billing_origin_product",
    )
    return {name: text(source, name) for name in names}


def metadata(source: Row) -> Row:
    """Return the ids a record carries in its usage metadata."""
    names = (
        "cluster_id",
        "job_id",
        "job_run_id",
        "job_name",
        "warehouse_id",
        "dlt_pipeline_id",
        "endpoint_name",
        "notebook_id",
    )
    return {name: text(source, "usage_metadata", name) for name in names}
