"""Builds `lakeflow/job_run_timeline`: attempts cut into slices of an hour, in two styles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ngm_assets.demo import arrow
from ngm_assets.demo.draws import stream, with_repeats
from ngm_assets.demo.estate import ACCOUNT_ID
from ngm_assets.demo.fleet import run_cluster_id
from ngm_assets.demo.runs import OUTCOMES, STREAMING, SUBMITTED, Attempts, draw_attempts
from ngm_assets.demo.schemas import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa

    from ngm_assets.demo.draws import Array
    from ngm_assets.demo.estate import Estate
    from ngm_assets.demo.fleet import Fleet
    from ngm_assets.demo.incidents import Incident

STREAM_JOB_ID = "9001"
CLOCK_SHARE = 0.6
_CODES = (
    "SUCCESS", "RUN_EXECUTION_ERROR", "CLUSTER_ERROR", "RUN_EXECUTION_ERROR", "CANCELED", "SKIPPED"
)  # fmt: skip


def cut(start: Array, end: Array, clock: Array) -> tuple[Array, Array, Array, Array]:
    """Cut spans into slices of at most an hour.

    Args:
        start: Starts in microseconds, (n,).
        end: Ends, not before the starts, (n,).
        clock: Whether a span is cut on the clock hour instead of from its start, (n,).

    Returns:
        (span number, slice start, slice end, whether it is the span's last slice), each (m,).
    """
    import numpy as np

    hour = arrow.HOUR_US
    head = np.where(clock, hour - start % hour, hour)
    count = 1 + np.maximum(0, -((start + head - end) // hour))
    span = np.repeat(np.arange(len(start)), count)
    number = np.arange(len(span)) - np.repeat(np.cumsum(count) - count, count)
    upper = start[span] + head[span] + number * hour
    lower = np.where(number == 0, start[span], upper - hour)
    last = number == count[span] - 1
    return span, lower, np.minimum(upper, end[span]), last


def _cluster_words(estate: Estate, fleet: Fleet) -> list[str]:
    """Return all cluster ids: those of the fleet, then one per fresh-cluster job and day."""
    calendar = estate.calendar
    stamps = [calendar.day(d).strftime("%m%d") for d in range(calendar.days)]
    fresh = [run_cluster_id(j, s) for j, job in enumerate(fleet.jobs) if job.fresh_cluster
             for s in stamps]  # fmt: skip
    return [c.cluster_id for c in fleet.clusters] + fresh


def _clusters_of(rng: np.random.Generator, estate: Estate, fleet: Fleet, a: Attempts) -> Array:
    """Return each attempt's cluster code in `_cluster_words`, -1 for serverless compute."""
    import numpy as np

    number = np.maximum(a.job, 0)
    own = np.asarray([j.cluster for j in fleet.jobs])[number]
    fresh = np.asarray([j.fresh_cluster for j in fleet.jobs])
    rank = np.cumsum(fresh) - 1
    new = len(fleet.clusters) + rank[number] * estate.calendar.days + a.day
    code = np.where(fresh[number], new, own)
    shared = 2 * a.workspace + rng.integers(0, 2, len(a.job))
    loose = np.where(rng.random(len(a.job)) < 0.5, shared, -1)
    code = np.where(a.job == SUBMITTED, loose, code)
    return np.where((a.job == STREAMING) | (a.outcome == 5), -1, code)


def _lists(words: Sequence[str], code: Array, unknown: Array) -> pa.Array:
    """Return `compute_ids`: a list of one id, an empty list, or null where unknown."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    filled = (code >= 0) & ~unknown
    offsets = np.concatenate([[0], np.cumsum(filled)]).astype(np.int32)
    values = arrow.pick(words, code[filled])
    plain = pa.ListArray.from_arrays(pa.array(offsets), values)
    return pc.if_else(pa.array(unknown), pa.scalar(None, plain.type), plain)


def _parameters(rng: np.random.Generator, n: int) -> pa.Array:
    import pyarrow as pa

    kind = schema("lakeflow/job_run_timeline").field("job_parameters").type
    words = pa.array([None, [("job", [("env", "prod"), ("mode", "full")])]], kind)
    return words.take(pa.array((rng.random(n) < 0.1).astype("int64")))


def _job_columns(fleet: Fleet, a: Attempts, span: Array) -> dict[str, Any]:
    import numpy as np

    job = a.job[span]
    ids = [j.job_id for j in fleet.jobs] + [STREAM_JOB_ID]
    names = [j.name for j in fleet.jobs] + ["orders-stream"]
    code = np.where(job == STREAMING, len(fleet.jobs), np.where(job == SUBMITTED, -1, job))
    kind = (job == SUBMITTED).astype(np.int64)
    manual = (a.run // 11) % 23 == 5
    trigger = np.where(job == STREAMING, 2, np.where((job == SUBMITTED) | manual[span], 1, 0))
    return {
        "job_id": arrow.pick(ids, code),
        "run_name": arrow.pick([*names, "submitted-run"], np.where(code < 0, len(names), code)),
        "run_type": arrow.pick(["JOB_RUN", "SUBMIT_RUN"], kind),
        "trigger_type": arrow.pick(["CRON", "ONETIME", "CONTINUOUS"], trigger),
    }


def build_timeline(
    estate: Estate, fleet: Fleet, incidents: Sequence[Incident], *, seed: int
) -> pa.Table:
    """Build `lakeflow/job_run_timeline`, sorted by slice start.

    Runs that start in the first 60 % of the days are cut from their start, later ones on the clock
    hour. What goes on past the last day has no result. About 1 % of the slices occur twice.

    Args:
        estate: The estate.
        fleet: Its clusters and jobs.
        incidents: Planted incidents.
        seed: Seed of the estate.
    """
    import numpy as np
    import pyarrow as pa

    rng = stream(seed, "lakeflow/columns")
    a = draw_attempts(estate, fleet, incidents, seed=seed)
    code = _clusters_of(rng, estate, fleet, a)
    clock = a.day >= estate.calendar.days * CLOCK_SHARE
    span, lower, upper, last = cut(a.start, np.minimum(a.end, estate.calendar.cut_us), clock)
    ended = last & (a.end[span] < estate.calendar.cut_us)
    order = np.argsort(lower, kind="stable")
    order = order[lower[order] < estate.calendar.cut_us]
    span, lower, upper, ended = span[order], lower[order], upper[order], ended[order]
    n = len(span)
    outcome = np.where(ended, a.outcome[span], -1)
    unknown = rng.random(len(a.job)) < 0.004
    columns: dict[str, Any] = {
        "account_id": arrow.constant(ACCOUNT_ID, n),
        "workspace_id": arrow.pick([w.workspace_id for w in estate.workspaces], a.workspace[span]),
        "run_id": pa.array(a.run[span]).cast(pa.string()),
        "period_start_time": arrow.stamps(lower),
        "period_end_time": arrow.stamps(upper),
        "result_state": arrow.pick(OUTCOMES, outcome),
        "termination_code": arrow.pick(_CODES, outcome),
        "compute_ids": _lists(_cluster_words(estate, fleet), code[span], unknown[span]),
        "job_parameters": _parameters(rng, len(a.job)).take(pa.array(span)),
        **_job_columns(fleet, a, span),
    }
    table = arrow.frame(schema("lakeflow/job_run_timeline"), n, columns)
    return table.take(with_repeats(rng, n, 0.01))
