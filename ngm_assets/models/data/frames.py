"""The one shape in which training, evaluation and estimators receive data."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence, Sized
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ngm_assets.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class ModelFrame:
    """One row per (key, day), sorted by date, then key.

    Attributes:
        keys: Key columns; the date column is datetime64[ns], the others are strings.
        dates: Feature day of each row, datetime64[D], shape (n,).
        features: The spec's features in its order: numbers as float64 (missing = NaN, booleans
            0/1), texts as str objects (missing = None).
        label: What came true, float64, shape (n,). Supervised: no NaN, rows without a label are
            left out. Anomaly: the proxy, NaN where it is not ripe or not defined. Multiclass: the
            position in `classes`.
        baseline: What the baseline says of the same row, in the unit of the model's output
            (value, probability, score or class position), shape (n,); NaN where it is unknown.
        classes: Multiclass: names by position; empty otherwise.
    """

    keys: pd.DataFrame
    dates: NDArray[np.datetime64]
    features: pd.DataFrame
    label: FloatArray | None = None
    baseline: FloatArray | None = None
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse parts of unequal length.

        Raises:
            DataError: The parts do not describe the same rows.
        """
        parts: dict[str, Sized | None] = {"keys": self.keys, "features": self.features}
        parts |= {"label": self.label, "baseline": self.baseline}
        odd = {n: len(p) for n, p in parts.items() if p is not None and len(p) != len(self.dates)}
        if odd:
            raise DataError(
                f"A frame of {len(self.dates)} days has parts of other lengths: {odd}.",
                mend="Build all parts from the same rows.",
            )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.dates)

    def select(self, mask: BoolArray) -> ModelFrame:
        """Return the rows where `mask` (n,) is true, in the same order."""
        return replace(
            self,
            keys=self.keys.loc[mask].reset_index(drop=True),
            dates=self.dates[mask],
            features=self.features.loc[mask].reset_index(drop=True),
            label=None if self.label is None else self.label[mask],
            baseline=None if self.baseline is None else self.baseline[mask],
        )

    def matrix(self) -> FloatArray:
        """Return the features, numbers all of them, as a C-ordered float64 matrix (n, k)."""
        import numpy as np

        return np.ascontiguousarray(self.features.to_numpy(dtype=np.float64))


def concatenated(frames: Sequence[ModelFrame]) -> ModelFrame:
    """Return the rows of several frames of one model in the order given, at least one frame."""
    import numpy as np
    import pandas as pd

    first = frames[0]
    labels = [frame.label for frame in frames if frame.label is not None]
    baselines = [frame.baseline for frame in frames if frame.baseline is not None]
    return replace(
        first,
        keys=pd.concat([frame.keys for frame in frames], ignore_index=True),
        dates=np.concatenate([frame.dates for frame in frames]),
        features=pd.concat([frame.features for frame in frames], ignore_index=True),
        label=np.concatenate(labels) if len(labels) == len(frames) else None,
        baseline=np.concatenate(baselines) if len(baselines) == len(frames) else None,
    )


def sampled(frame: ModelFrame, most: int, *, seed: int) -> ModelFrame:
    """Return at most so many rows, drawn without replacement, in their order."""
    import numpy as np

    if len(frame) <= most:
        return frame
    rng = np.random.default_rng(seed)
    mask = np.zeros(len(frame), dtype=bool)
    mask[rng.choice(len(frame), most, replace=False)] = True
    return frame.select(mask)


def class_positions(names: Sequence[object], classes: Sequence[str]) -> FloatArray:
    """Return the position of each name in `classes`; -1 for another name, NaN for none."""
    import numpy as np

    position = {name: float(place) for place, name in enumerate(classes)}
    return np.array(
        [np.nan if _is_missing(name) else position.get(str(name), -1.0) for name in names],
        dtype=np.float64,
    )


def _is_missing(name: object) -> bool:
    return name is None or name != name


def all_missing(features: pd.DataFrame) -> BoolArray:
    """Return which rows know none of the features, shape (n,)."""
    import numpy as np

    unknown: BoolArray = np.asarray(features.isna().to_numpy().all(axis=1))
    return unknown


def frame_fingerprint(frame: ModelFrame) -> str:
    """Return the sha256 over keys, features and label: equal data give equal text.

    The sign of zero and the bits of NaN carry no meaning and do not change it.
    """
    import pandas as pd

    digest = hashlib.sha256()
    for name in frame.keys.columns:
        digest.update(str(name).encode())
        digest.update(
            pd.util.hash_pandas_object(frame.keys[name], index=False).to_numpy().tobytes()
        )
    for name in frame.features.columns:
        digest.update(str(name).encode())
        digest.update(_column_hashes(frame.features[name]).tobytes())
    if frame.label is not None:
        digest.update(_canonical(frame.label).tobytes())
        digest.update("\x00".join(frame.classes).encode())
    return digest.hexdigest()


def _column_hashes(column: pd.Series) -> NDArray[np.uint64]:
    import numpy as np
    import pandas as pd

    if column.dtype == object:
        return pd.util.hash_array(column.fillna("\x00").to_numpy(dtype=object))
    return pd.util.hash_array(_canonical(column.to_numpy(dtype=np.float64)))


def _canonical(values: FloatArray) -> FloatArray:
    import numpy as np

    return np.where(np.isnan(values), np.nan, values + 0.0)


def row_fingerprints(features: pd.DataFrame) -> NDArray[np.str_]:
    """Return 16 hex digits per row: a stable 64-bit hash of the row's feature values.

    Args:
        features: Numbers or texts; the names and their order are part of the hash.

    Returns:
        Array of text, shape (n,).
    """
    import numpy as np

    total = np.full(len(features), 0x9E3779B97F4A7C15, dtype=np.uint64)
    multiplier = np.uint64(0x100000001B3)
    for name in features.columns:
        salt = np.uint64(int.from_bytes(hashlib.sha256(str(name).encode()).digest()[:8], "big"))
        total = (total ^ (_column_hashes(features[name]) ^ salt)) * multiplier
        total = total ^ (total >> np.uint64(29))
    text = total.astype(">u8").tobytes().hex().encode()
    return np.frombuffer(text, dtype="S16").astype("U16")
