"""Expected profiles: an entity is held against its own past, a new one against everyone's."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.errors import ModelError
from ngm_assets.models.estimators.profile import Profile, fit_profile

PARAMS = {"profiles": {"exports": "exports_mean"}, "days": "days", "prior_days": 5}
counts = st.floats(0, 1e6)


def rows(exports: float, mean: float, days: float) -> pd.DataFrame:
    """Return one row of a count, its own mean and the days behind it."""
    return pd.DataFrame({"exports": [exports], "exports_mean": [mean], "days": [days]})


def profile(everyone: float = 2.0) -> Profile:
    """Return a profile learnt where everyone has the given mean."""
    return fit_profile(rows(everyone, 1.0, 20.0), PARAMS)


def test_the_expectation_moves_from_everyones_mean_to_the_own_one() -> None:
    expected = [profile().expected(rows(0, 10.0, days), "exports")[0] for days in (0, 5, 45)]
    np.testing.assert_allclose(expected, [2.0, 6.0, 9.2])
    assert profile().expected(rows(0, np.nan, 20.0), "exports")[0] == 2.0


def test_a_surprise_is_counted_in_poisson_deviations() -> None:
    made = np.random.default_rng(0).poisson(30.0, 20_000)
    frame = pd.DataFrame({"exports": made, "exports_mean": 30.0, "days": 1e9})
    surprises = profile().surprises(frame)["exports"]
    assert surprises.mean() == pytest.approx(0, abs=0.1)
    assert surprises.std() == pytest.approx(1, abs=0.02)


@given(low=counts, high=counts, mean=counts)
def test_more_is_never_less_surprising_and_more_expected_never_more(
    low: float, high: float, mean: float
) -> None:
    low, high = sorted((low, high))

    def surprise(count: float, own: float) -> float:
        return float(profile().surprises(rows(count, own, 10.0))["exports"].iloc[0])

    assert surprise(low, mean) <= surprise(high, mean)
    assert surprise(mean, low) >= surprise(mean, high)


def test_other_features_stay_and_an_unknown_count_stays_unknown() -> None:
    frame = rows(np.nan, 1.0, 3.0)
    found = profile().surprises(frame)
    assert np.isnan(found["exports"].iloc[0])
    assert (found["exports_mean"].iloc[0], found["days"].iloc[0]) == (1.0, 3.0)
    assert profile().helpers == {"exports_mean", "days"}


def test_a_stored_profile_is_the_same() -> None:
    assert Profile.from_json(json.loads(json.dumps(profile().to_json()))) == profile()
    assert Profile.from_json(None) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"days": "weeks"}, "weeks"),
        ({"profiles": {"exports": "norm"}}, "norm"),
        ({"profiles": {}}, "empty"),
        ({"prior_days": 0}, "prior_days is 0"),
    ],
)
def test_a_profile_of_what_is_not_there_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        fit_profile(rows(1, 1, 1), PARAMS | change)
