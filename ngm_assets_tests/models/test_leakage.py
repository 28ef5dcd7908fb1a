"""The leakage scan: finds the feature that is the answer, and only that."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ngm_assets.models.leakage import scan

RNG_SEED = 4


def _honest(n: int) -> pd.DataFrame:
    return pd.DataFrame({"noise": np.random.default_rng(RNG_SEED).normal(size=n)})


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_feature_that_orders_the_classes_is_found_in_either_direction(sign: float) -> None:
    label = np.tile([0.0, 1.0], 100)
    features = _honest(200).assign(answer=sign * (label + 0.1))
    found = scan(features, label, binary=True)
    assert (found.feature, found.strength, found.statistic) == ("answer", 1.0, "AUC")


def test_missing_exactly_where_the_label_is_one_is_found() -> None:
    label = np.tile([0.0, 1.0], 100)
    features = _honest(200).assign(gap=np.where(label == 1, np.nan, 3.0))
    found = scan(features, label, binary=True)
    assert (found.feature, found.strength) == ("gap", 1.0)


def test_a_monotone_copy_of_a_quantity_is_found() -> None:
    label = np.random.default_rng(RNG_SEED).gamma(1, size=200)
    found = scan(_honest(200).assign(copy=np.exp(label)), label, binary=False)
    assert found.feature == "copy"
    assert found.strength == pytest.approx(1.0)
    assert found.statistic == "R2"


def test_chance_among_few_known_rows_is_not_leakage() -> None:
    label = np.tile([0.0, 1.0], 100)
    rare = np.full(200, np.nan)
    rare[:10] = label[:10]
    found = scan(_honest(200).assign(rare=rare), label, binary=True)
    assert found.strength is not None and found.strength < 0.7


def test_nothing_to_scan_has_no_strength() -> None:
    found = scan(pd.DataFrame({"x": np.full(200, np.nan)}), np.arange(200.0), binary=False)
    assert (found.feature, found.strength) == (None, None)
