"""The one shape in which training, evaluation and estimators receive data."""

from __future__ import annotations

import hashlib
from collections.abc import Sized
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
        features: The spec's features in its order, float64, missing = NaN, booleans 0/1.
        label: What came true, float64, shape (n,). Supervised: no NaN, rows without a label are
            left out. Anomaly: the proxy, NaN where it is not ripe or not defined.
        baseline: What the baseline says of the same row, in the unit of the model's output
            (value, probability or score), shape (n,); NaN where it is unknown.
    """

    keys: pd.DataFrame
    dates: NDArray[np.datetime64]
    features: pd.DataFrame
    label: FloatArray | None = None
    baseline: FloatArray | None = None

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
        """Return the features as a C-ordered float64 matrix (n, k)."""
        import numpy as np

        return np.ascontiguousarray(self.features.to_numpy(dtype=np.float64))


def frame_fingerprint(frame: ModelFrame) -> str:
    """Return the sha256 over keys, features and label: equal data give equal text.

    The sign of zero and the bits of NaN carry no meaning and do not change it.
    """
    import numpy as np
    import pandas as pd

    digest = hashlib.sha256()
    for name in frame.keys.columns:
        digest.update(str(name).encode())
        digest.update(
            pd.util.hash_pandas_object(frame.keys[name], index=False).to_numpy().tobytes()
        )
    for name in frame.features.columns:
        digest.update(str(name).encode())
        digest.update(_canonical(frame.features[name].to_numpy(dtype=np.float64)).tobytes())
    if frame.label is not None:
        digest.update(_canonical(frame.label).tobytes())
    return digest.hexdigest()


def _canonical(values: FloatArray) -> FloatArray:
    import numpy as np

    return np.where(np.isnan(values), np.nan, values + 0.0)


def row_fingerprints(features: pd.DataFrame) -> NDArray[np.str_]:
    """Return 16 hex digits per row: a stable 64-bit hash of the row's feature values.

    Args:
        features: Numeric columns; the names and their order are part of the hash.

    Returns:
        Array of text, shape (n,).
    """
    import numpy as np
    import pandas as pd

    total = np.full(len(features), 0x9E3779B97F4A7C15, dtype=np.uint64)
    multiplier = np.uint64(0x100000001B3)
    for name in features.columns:
        salt = np.uint64(int.from_bytes(hashlib.sha256(str(name).encode()).digest()[:8], "big"))
        column = pd.util.hash_array(_canonical(features[name].to_numpy(dtype=np.float64)))
        total = (total ^ (column ^ salt)) * multiplier
        total = total ^ (total >> np.uint64(29))
    text = total.astype(">u8").tobytes().hex().encode()
    return np.frombuffer(text, dtype="S16").astype("U16")
