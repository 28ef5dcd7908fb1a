"""Named random streams and the vectorised draws shared by the tables of the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the generator that belongs to a name; names never disturb each other.

    Args:
        seed: The seed of the whole estate, 0 or greater.
        name: A stable name, for example `access/audit`.
    """
    from zlib import crc32

    import numpy as np

    return np.random.default_rng(np.random.SeedSequence([seed, crc32(name.encode())]))


def pick_rows(rng: np.random.Generator, weights: Array, rows: Array) -> Array:
    """Draw one column per row number, by that row's weights.

    Args:
        rng: Source of randomness.
        weights: Non-negative weights, shape (k, columns); every row sums to more than 0.
        rows: Row numbers in 0..k-1, shape (n,).

    Returns:
        Column numbers, int64, shape (n,).
    """
    import numpy as np

    width = weights.shape[1]
    cdf = np.cumsum(weights, axis=1)
    flat = (cdf / cdf[:, -1:] + np.arange(len(cdf))[:, None]).ravel()
    found = np.searchsorted(flat, rows + rng.random(len(rows)), side="right") - rows * width
    return np.asarray(np.minimum(found, width - 1), dtype=np.int64)


def ar1(rng: np.random.Generator, shape: tuple[int, int], *, phi: float, sd: float) -> Array:
    """Draw stationary AR(1) series, one per row.

    Args:
        rng: Source of randomness.
        shape: (series, days).
        phi: Autocorrelation of neighbouring days, 0 <= phi < 1.
        sd: Standard deviation of the series.
    """
    import numpy as np

    noise = rng.normal(0.0, sd, shape)
    out = np.empty(shape)
    out[:, 0] = noise[:, 0]
    step = float(np.sqrt(1.0 - phi * phi))
    for day in range(1, shape[1]):
        out[:, day] = phi * out[:, day - 1] + step * noise[:, day]
    return out


def two_state(
    rng: np.random.Generator, shape: tuple[int, int], *, enter: Array | float, leave: Array | float
) -> Array:
    """Draw two-state Markov chains that start in state 0 and return where they are in state 1.

    Args:
        rng: Source of randomness.
        shape: (chains, days).
        enter: Daily probability of going from 0 to 1; one number or one per chain.
        leave: Daily probability of going from 1 to 0; one number or one per chain.
    """
    import numpy as np

    draw = rng.random(shape)
    out = np.zeros(shape, dtype=bool)
    state = np.zeros(shape[0], dtype=bool)
    for day in range(shape[1]):
        state = np.where(state, draw[:, day] >= leave, draw[:, day] < enter)
        out[:, day] = state
    return out


def expand(counts: Array) -> tuple[Array, Array]:
    """Turn a (rows, days) matrix of counts into the row and day number of every single event."""
    import numpy as np

    rows, days = np.nonzero(counts)
    repeats = counts[rows, days]
    return np.repeat(rows, repeats), np.repeat(days, repeats)


def with_repeats(rng: np.random.Generator, n: int, share: float) -> Array:
    """Return row numbers 0..n-1 in order, of which about `share` occur twice."""
    import numpy as np

    twice = rng.random(n) < share
    return np.repeat(np.arange(n), np.where(twice, 2, 1))
