"""The leakage scan: finds the feature that is the answer, and only that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from ngm_assets.models.evaluation.leakage import scan

if TYPE_CHECKING:
    from ngm_assets.models.data.frames import FloatArray

RNG_SEED = 4


def _honest(n: int) -> pd.DataFrame:
    return pd.DataFrame({"noise": np.random.default_rng(RNG_SEED).normal(size=n)})


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_feature_that_orders_the_classes_is_found_in_either_direction(sign: float) -> None:
    label = np.tile([0.0, 1.0], 100)
    features = _honest(200).assign(answer=sign * (label + 0.1))
    found = scan(features, label, classes=True)
    assert (found.feature, found.strength, found.statistic) == ("answer", 1.0, "AUC")


def test_missing_exactly_where_the_label_is_one_is_found() -> None:
    label = np.tile([0.0, 1.0], 100)
    features = _honest(200).assign(gap=np.where(label == 1, np.nan, 3.0))
    found = scan(features, label, classes=True)
    assert (found.feature, found.strength) == ("gap", 1.0)


def test_a_monotone_copy_of_a_quantity_is_found() -> None:
    label = np.random.default_rng(RNG_SEED).gamma(1, size=200)
    found = scan(_honest(200).assign(copy=np.exp(label)), label, classes=False)
    assert found.feature == "copy"
    assert found.strength == pytest.approx(1.0)
    assert found.statistic == "R2"


def test_chance_among_few_known_rows_is_not_leakage() -> None:
    label = np.tile([0.0, 1.0], 100)
    rare = np.full(200, np.nan)
    rare[:10] = label[:10]
    found = scan(_honest(200).assign(rare=rare), label, classes=True)
    assert found.strength is not None and found.strength < 0.7


def test_nothing_to_scan_has_no_strength() -> None:
    found = scan(pd.DataFrame({"x": np.full(200, np.nan)}), np.arange(200.0), classes=False)
    assert (found.feature, found.strength) == (None, None)


def _texts(values: Sequence[str | None]) -> pd.DataFrame:
    return pd.DataFrame({"name": np.array(values, dtype=object)})


def _three_classes(n: int = 300) -> FloatArray:
    return np.random.default_rng(RNG_SEED).integers(0, 3, n).astype(np.float64)


def test_a_text_that_equals_the_label_is_found() -> None:
    label = _three_classes()
    names = [("red", "green", "blue")[int(place)] for place in label]
    found = scan(_texts(names).assign(noise=_honest(300)["noise"]), label, classes=True)
    assert found.feature == "name"
    assert found.strength == pytest.approx(1.0)


def test_a_text_that_gives_away_one_class_of_several_counts_for_that_class() -> None:
    label = _three_classes()
    rng = np.random.default_rng(0)
    names = ["gone" if place == 2 else str(rng.choice(["a", "b"])) for place in label]
    strength = scan(_texts(names), label, classes=True).strength
    assert strength is not None and 0.6 < strength < 0.9


def test_a_text_that_is_missing_for_one_class_counts_for_that_class() -> None:
    label = _three_classes()
    rng = np.random.default_rng(0)
    names = [None if place == 1 else str(rng.choice(["a", "b"])) for place in label]
    strength = scan(_texts(names), label, classes=True).strength
    assert strength is not None and 0.6 < strength < 0.9


def test_unique_names_say_nothing() -> None:
    label = _three_classes()
    found = scan(_texts([f"job {i}" for i in range(300)]), label, classes=True)
    assert found.strength == 0.5


@pytest.mark.parametrize("kinds", [1, 2, 5, 40])
def test_names_drawn_without_regard_to_the_class_say_nothing(kinds: int) -> None:
    """A row's own class is missing from its share: that alone must not look like an answer."""
    names = np.random.default_rng(1).integers(0, kinds, 300).astype(str).tolist()
    for label in (_three_classes(), np.tile([0.0, 1.0, 1.0], 100)):
        found = scan(_texts(names), label, classes=True)
        assert found.strength is not None and found.strength < 0.65


def test_a_number_that_singles_out_one_class_of_several_counts_by_the_rows() -> None:
    label = _three_classes()
    features = _honest(300).assign(middle=np.where(label == 1, 5.0, 0.0))
    found = scan(features, label, classes=True)
    assert found.feature == "middle"
    assert found.strength is not None and 0.8 < found.strength < 0.9


def test_a_class_too_rare_to_judge_is_left_out() -> None:
    label = np.r_[np.tile([0.0, 1.0], 100), np.full(4, 2.0)]
    features = _honest(204).assign(rare=(label == 2).astype(float))
    found = scan(features, label, classes=True)
    assert found.strength is not None and found.strength < 0.7
