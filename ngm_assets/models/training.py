"""Turns rows into a judged candidate: split by time, fit, evaluate once, judge, refit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ngm_assets.errors import DataError, InsufficientData
from ngm_assets.models.candidate import Candidate, Holdout, TrainingContext, Window
from ngm_assets.models.data.frames import ModelFrame, frame_fingerprint
from ngm_assets.models.data.split import (
    Split,
    date_column,
    latest_per_entity,
    split_by_entity,
    split_by_time,
)
from ngm_assets.models.estimators.base import resolve_estimator, revision_of
from ngm_assets.models.evaluation.assessment import assess
from ngm_assets.models.reference import reference_statistics

if TYPE_CHECKING:
    import numpy as np

    from ngm_assets.models.catalog.spec import ModelSpec
    from ngm_assets.models.registry.loaded import LoadedModel


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that shape a fitted model."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name, packages in {
        "numpy": ("numpy",),
        "scikit-learn": ("scikit-learn",),
        "xgboost": ("xgboost", "xgboost-cpu"),
        "skops": ("skops",),
    }.items():
        for package in packages:
            try:
                found[name] = version(package)
            except PackageNotFoundError:
                continue
    return found


def training_key(
    spec: ModelSpec,
    as_of: date,
    dataset_fingerprint: str,
    label_sql_hash: str,
    versions: Mapping[str, str],
) -> str:
    """Return the sha256 that identifies a training: equal inputs and ways to learn, equal key."""
    revision = revision_of(spec.estimator.type)
    used = {name: versions.get(name, "") for name in ("scikit-learn", "xgboost")}
    parts = [
        spec.name,
        as_of.isoformat(),
        spec.spec_hash(),
        dataset_fingerprint,
        label_sql_hash,
        used,
        *([revision] if revision > 1 else []),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def key_for(spec: ModelSpec, frame: ModelFrame, *, as_of: date, context: TrainingContext) -> str:
    """Return the training key `train` would give, without training."""
    rows = _eligible(spec, frame, as_of)
    return training_key(
        spec, as_of, frame_fingerprint(rows), context.label_sql_hash, context.library_versions
    )


def train(
    spec: ModelSpec,
    frame: ModelFrame,
    *,
    as_of: date,
    champion: LoadedModel | None,
    context: TrainingContext,
) -> Candidate:
    """Train, evaluate once on the holdout, judge, and refit on all rows.

    Args:
        spec: What to train.
        frame: Rows known before `as_of`; rows older than the spec's window are left out.
        as_of: The Monday that opens the partition.
        champion: The version to hold the candidate against, or None.
        context: Contracts and versions.

    Raises:
        InsufficientData: Too few rows, days or positives, one class, or a constant label.
        DataError: A row's label looks at `as_of` or later, or a feature is infinite.
        ModelError: Label or parameters do not suit the estimator.
    """
    rows = _eligible(spec, frame, as_of)
    split = _split(spec, rows)
    _require_named_classes(spec, rows)
    estimator = resolve_estimator(spec.estimator.type)
    train_part = rows.select(split.train)
    require_variation(spec, train_part)
    first = estimator.fit(train_part, spec=spec, seed=spec.seed)
    final = estimator.fit(rows, spec=spec, seed=spec.seed)
    said = final.predict(rows.features).prediction
    found = assess(
        spec,
        rows=rows,
        train_part=train_part,
        holdout=rows.select(split.holdout),
        evaluated=first,
        final=final,
        said=said,
        champion=champion,
    )
    fingerprint = frame_fingerprint(rows)
    return Candidate(
        spec=spec,
        as_of=as_of,
        context=context,
        training_key=training_key(
            spec, as_of, fingerprint, context.label_sql_hash, context.library_versions
        ),
        fitted=final,
        decision=found.decision,
        measured=found.measured,
        secondary=found.secondary,
        baseline=found.baseline,
        champion=found.champion,
        champion_version=None if champion is None else champion.version,
        window=_window(rows, split),
        rows={"train": len(train_part), "holdout": len(found.judged.truth), "refit": len(rows)},
        class_counts=_class_counts(spec, rows),
        dataset_fingerprint=fingerprint,
        reference=reference_statistics(rows, said),
        importance=dict(sorted(final.importance().items(), key=lambda item: (-item[1], item[0]))),
        holdout=Holdout(found.judged.truth, found.judged.output, found.judged.calibrated),
    )


def _eligible(spec: ModelSpec, frame: ModelFrame, as_of: date) -> ModelFrame:
    """Return the rows inside the window, after proving that none looks at `as_of` or later."""
    import numpy as np

    end = np.datetime64(as_of, "D")
    horizon = np.timedelta64(spec.horizon_days, "D")
    labelled = np.zeros(len(frame), bool) if frame.label is None else ~np.isnan(frame.label)
    ahead = (frame.dates >= end) | (labelled & (frame.dates + horizon >= end))
    if ahead.any():
        raise DataError(
            f"{int(ahead.sum())} rows look at {as_of} or later, the latest dated "
            f"{frame.dates[ahead].max()} with a horizon of {spec.horizon_days} days.",
            where=f"training rows of {spec.name}",
            mend="Read only rows with date + horizon before the partition's day.",
        )
    for name in frame.features.columns:
        values = frame.features[name].to_numpy()
        if values.dtype != object and np.isinf(values).any():
            raise DataError(
                f"Feature {name} holds infinite values.",
                where=f"features/{spec.feature_table}:{name}",
                mend="Write null where a ratio has no denominator.",
            )
    begin = np.datetime64(as_of - timedelta(days=spec.training.window_days), "D")
    rows = frame.select(frame.dates >= begin)
    if spec.training.split == "time":
        return rows
    return rows.select(latest_per_entity(rows.keys, date_column(rows.keys)))


def _split(spec: ModelSpec, rows: ModelFrame) -> Split:
    if len(rows) < spec.training.min_rows:
        raise InsufficientData(
            f"{spec.name} has {len(rows)} rows, needs {spec.training.min_rows}.",
            where=f"features/{spec.feature_table}",
            mend="Import more history, or lower training.min_rows knowingly.",
        )
    if spec.training.split == "entity":
        share = spec.training.holdout_share
        return split_by_entity(rows.keys, date_column(rows.keys), share=share, seed=spec.seed)
    return split_by_time(
        rows.dates,
        horizon_days=spec.horizon_days,
        share=spec.training.holdout_share,
        min_days=spec.training.min_holdout_days,
    )


def require_variation(spec: ModelSpec, part: ModelFrame) -> None:
    """Refuse training rows that cannot teach a supervised model anything.

    Raises:
        InsufficientData: Too few positives or rows per class, one class, or a constant label.
        DataError: A row has no label, or one of no known class.
    """
    import numpy as np

    if spec.problem == "anomaly":
        return
    if part.label is None or np.isnan(part.label).any():
        raise DataError(
            f"{spec.name} has rows without a label.",
            where=f"label {spec.target.column}",
            mend="Leave rows without a label out of the training frame.",
        )
    if spec.problem == "binary":
        positives = int((part.label == 1).sum())
        if positives < max(spec.training.min_positives, 1) or positives == len(part):
            raise InsufficientData(
                f"{spec.name} has {positives} positives in {len(part)} training rows, needs "
                f"{max(spec.training.min_positives, 1)} and some negatives.",
                where=f"label {spec.target.column}",
                mend="Wait for more history or widen the training window.",
            )
    elif spec.problem == "multiclass":
        _require_classes(spec, part)
    elif part.label.max() <= part.label.min():
        raise InsufficientData(
            f"{spec.name} has the constant label {part.label[0]} in {len(part)} training rows.",
            where=f"label {spec.target.column}",
            mend="Wait for more history or widen the training window.",
        )


def _require_classes(spec: ModelSpec, part: ModelFrame) -> None:
    """Require two classes with enough rows."""
    import numpy as np

    label = np.empty(0) if part.label is None else part.label
    counts = np.bincount(label.astype(np.intp), minlength=len(part.classes))
    needed = max(spec.training.min_positives, 1)
    if int((counts >= needed).sum()) < 2:
        found = ", ".join(f"{n} {name}" for name, n in zip(part.classes, counts, strict=True))
        raise InsufficientData(
            f"{spec.name} has {found or 'no classes'} in {len(label)} training rows, needs two "
            f"classes with at least {needed} rows each.",
            where=f"label {spec.target.column}",
            mend="Wait for more history or widen the training window.",
        )


def _require_named_classes(spec: ModelSpec, rows: ModelFrame) -> None:
    """Require every row's class, those held out included, to be one the specification names."""
    if spec.problem != "multiclass" or rows.label is None:
        return
    strange = int((rows.label < 0).sum())
    if strange:
        raise DataError(
            f"{spec.name} has {strange} labels that are none of {', '.join(rows.classes)}.",
            where=f"label {spec.target.column}",
            mend="Mend the label SQL or the classes.",
        )


def _class_counts(spec: ModelSpec, rows: ModelFrame) -> dict[str, int]:
    import numpy as np

    if spec.problem in ("regression", "quantile") or rows.label is None:
        return {}
    known = rows.label[~np.isnan(rows.label)]
    if spec.problem == "multiclass":
        return {name: int((known == place).sum()) for place, name in enumerate(rows.classes)}
    positives = int((known > 0).sum())
    return {"negative": len(known) - positives, "positive": positives}


def _window(rows: ModelFrame, split: Split) -> Window:
    return Window(
        first=_day(split.train_start),
        train_last=_day(split.train_end),
        holdout_first=_day(split.holdout_start),
        holdout_last=_day(split.holdout_end),
        trained_through=_day(rows.dates.max()),
    )


def _day(value: np.datetime64) -> date:
    day: date = value.astype("datetime64[D]").item()
    return day
