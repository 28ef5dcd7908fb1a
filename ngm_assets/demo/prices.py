"""The SKUs of the demo and their list prices in two currencies, with the gaps real lists have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ngm_assets.demo.arrow import DAY_US, constant, decimals, frame, pick, stamps
from ngm_assets.demo.estate import ACCOUNT_ID
from ngm_assets.demo.schemas import schema

if TYPE_CHECKING:
    import pyarrow as pa

    from ngm_assets.demo.calendar import Calendar

__all__ = ["CLOUD_FACTOR", "SKUS", "Sku", "list_prices", "sku_number"]


@dataclass(frozen=True)
class Sku:
    """A SKU: product family, unit, usage type, first price in USD (None: not in the list)."""

    name: str
    product: str
    unit: str
    usage_type: str
    usd: float | None
    serverless: bool = False
    photon: bool = False


SKUS: tuple[Sku, ...] = (
    Sku("PREMIUM_ALL_PURPOSE_COMPUTE", "ALL_PURPOSE", "DBU", "COMPUTE_TIME", 0.55),
    Sku("PREMIUM_ALL_PURPOSE_COMPUTE_(PHOTON)", "ALL_PURPOSE", "DBU", "COMPUTE_TIME", 0.55,
        photon=True),
    Sku("PREMIUM_JOBS_COMPUTE", "JOBS", "DBU", "COMPUTE_TIME", 0.15),
    Sku("PREMIUM_JOBS_COMPUTE_(PHOTON)", "JOBS", "DBU", "COMPUTE_TIME", 0.15, photon=True),
    Sku("PREMIUM_JOBS_SERVERLESS_COMPUTE_US_EAST", "JOBS", "DBU", "COMPUTE_TIME", 0.35,
        serverless=True),
    Sku("PREMIUM_SERVERLESS_SQL_COMPUTE_US_EAST", "SQL", "DBU", "COMPUTE_TIME", 0.70,
        serverless=True),
    Sku("PREMIUM_SQL_PRO_COMPUTE_US_EAST", "SQL", "DBU", "COMPUTE_TIME", 0.55),
    Sku("PREMIUM_DLT_ADVANCED_COMPUTE", "DLT", "DBU", "COMPUTE_TIME", 0.36),
    Sku("PREMIUM_DLT_CORE_COMPUTE", "DLT", "DBU", "COMPUTE_TIME", 0.20),
    Sku("PREMIUM_SERVERLESS_REAL_TIME_INFERENCE_US_EAST", "MODEL_SERVING", "DBU", "COMPUTE_TIME",
        0.07, serverless=True),
    Sku("PREMIUM_DATABRICKS_STORAGE_US_EAST", "DEFAULT_STORAGE", "DSU", "STORAGE_SPACE", 0.023,
        serverless=True),
    Sku("PREMIUM_INTERNET_EGRESS_US_EAST", "NETWORKING", "GB", "NETWORK_BYTES", 0.09,
        serverless=True),
    Sku("PREMIUM_INTER_REGION_EGRESS_US_EAST", "NETWORKING", "GB", "NETWORK_BYTES", 0.02,
        serverless=True),
    Sku("PREMIUM_SERVERLESS_GPU_COMPUTE_US_EAST", "AI_RUNTIME", "DBU", "GPU_TIME", None,
        serverless=True),
)  # fmt: skip
CLOUD_FACTOR = {"AWS": 1.0, "GCP": 1.06}
_EUR = 0.92
_LONG_AGO = 900


@dataclass(frozen=True)
class _Price:
    """One row of the list; days are day numbers, `until` None means still valid."""

    sku: Sku
    cloud: str
    currency: str
    since: int
    until: int | None
    amount: float
    effective: float | None
    promotional: float | None


def sku_number(name: str) -> int:
    """Return the position of a SKU in `SKUS`."""
    return [s.name for s in SKUS].index(name)


def _spans(sku: Sku, days: int) -> list[tuple[int, int | None, float]]:
    """Return (since, until, factor): a rise mid-way for some, one overlap, else one price."""
    if sku.product in ("JOBS", "ALL_PURPOSE"):
        return [(-_LONG_AGO, days // 2, 1.0), (days // 2, None, 1.08)]
    if sku.name == "PREMIUM_DLT_ADVANCED_COMPUTE":
        return [(-_LONG_AGO, None, 1.0), (days * 3 // 4, None, 1.1)]
    return [(-_LONG_AGO, None, 1.0)]


def _rows(days: int) -> list[_Price]:
    out = []
    for sku in SKUS:
        if sku.usd is None:
            continue
        for cloud, factor in CLOUD_FACTOR.items():
            for currency, rate in (("USD", 1.0), ("EUR", _EUR)):
                for since, until, rise in _spans(sku, days):
                    amount = round(sku.usd * factor * rate * rise, 6)
                    own = None if sku.product in ("SQL", "NETWORKING") else amount
                    promo = round(amount * 0.8, 6) if sku.product == "MODEL_SERVING" else None
                    out.append(_Price(sku, cloud, currency, since, until, amount, own, promo))
    return out


def _nullable(values: list[float | None]) -> pa.Array:
    import numpy as np

    gone = np.asarray([v is None for v in values])
    return decimals(np.asarray([v or 0.0 for v in values]), gone)


def list_prices(calendar: Calendar) -> pa.Table:
    """Build `billing/list_prices`.

    USD and EUR; jobs and all-purpose prices rise mid-way; the DLT advanced price overlaps its
    successor; `effective_list` is null for SQL and network SKUs; one SKU has no price at all.
    """
    import numpy as np

    rows = _rows(calendar.days)
    kind = schema("billing/list_prices")
    n = len(rows)
    codes = np.arange(n)
    until = np.asarray([r.until is None for r in rows])
    ends = np.asarray([r.until or 0 for r in rows], dtype=np.int64)
    since = np.asarray([r.since for r in rows], dtype=np.int64)
    pricing: dict[str, Any] = {
        "default": _nullable([r.amount for r in rows]),
        "promotional": _wrap(kind, "promotional", [r.promotional for r in rows]),
        "effective_list": _wrap(kind, "effective_list", [r.effective for r in rows]),
    }
    return frame(
        kind,
        n,
        {
            "account_id": constant(ACCOUNT_ID, n),
            "price_start_time": stamps(calendar.origin_us + since * DAY_US),
            "price_end_time": stamps(calendar.origin_us + ends * DAY_US, until),
            "sku_name": pick([r.sku.name for r in rows], codes),
            "cloud": pick([r.cloud for r in rows], codes),
            "currency_code": pick([r.currency for r in rows], codes),
            "usage_unit": pick([r.sku.unit for r in rows], codes),
            "pricing": pricing,
        },
    )


def _wrap(kind: pa.Schema, name: str, values: list[float | None]) -> pa.Array:
    import pyarrow as pa

    inner = kind.field("pricing").type.field(name).type
    gone = pa.array([v is None for v in values])
    return pa.StructArray.from_arrays([_nullable(values)], fields=list(inner), mask=gone)
