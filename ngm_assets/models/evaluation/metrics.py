"""The metrics a specification can name: function, direction and the problems they fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ngm_assets.models.data.frames import FloatArray

    MetricFunction = Callable[[FloatArray, FloatArray, FloatArray, float], float]

Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Metric:
    """A metric by name.

    Attributes:
        name: Name used in specifications.
        direction: Whether higher or lower is better.
        problems: Problem types it can judge.
        function: (truth (n,), output (n,), weights (n,), alert budget) -> value.
        needs_both_classes: It has no value when only one class occurs.
    """

    name: str
    direction: Direction
    problems: frozenset[str]
    function: MetricFunction
    needs_both_classes: bool

    @property
    def sign(self) -> float:
        """+1 where higher is better, -1 where lower is."""
        return 1.0 if self.direction == "higher" else -1.0


def precision_recall_at_budget(
    truth: FloatArray, score: FloatArray, weight: FloatArray, budget: float
) -> tuple[float, float]:
    """Return precision and recall of the top `budget` share of the rows, highest score first.

    Where equal scores straddle the cut, the value expected under a random order among them is
    taken, so a rule that only says yes or no is judged fairly and without chance.
    """
    import numpy as np

    order = np.argsort(-score, kind="stable")
    ranked, hits, mass = score[order], truth[order] * weight[order], weight[order]
    budget_mass = budget * mass.sum()
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    group_mass, group_hits = np.add.reduceat(mass, starts), np.add.reduceat(hits, starts)
    before = np.r_[0.0, np.cumsum(group_mass)[:-1]]
    taken = np.clip(budget_mass - before, 0.0, group_mass)
    share = np.divide(taken, group_mass, out=np.zeros_like(taken), where=group_mass > 0)
    found = float((share * group_hits).sum())
    return float(found / budget_mass), found / float(hits.sum())


def average_precision(y: FloatArray, p: FloatArray, w: FloatArray, _: float) -> float:
    """Return the sum of precision times gain in recall over the distinct scores, highest first.

    The definition of scikit-learn's `average_precision_score`, whose checks of its arguments take
    several times as long as the sum: every interval asks for hundreds.
    """
    import numpy as np

    order = np.argsort(-p, kind="stable")
    ranked, mass = p[order], w[order]
    last = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    hits = np.cumsum(y[order] * mass)[last]
    drawn = np.cumsum(mass)[last]
    precision = np.divide(hits, drawn, out=np.zeros_like(hits), where=drawn > 0)
    return float((np.diff(hits, prepend=0.0) * precision).sum() / hits[-1])


def _roc_auc(y: FloatArray, p: FloatArray, w: FloatArray, _: float) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(y, p, sample_weight=w))


def _brier(y: FloatArray, p: FloatArray, w: FloatArray, _: float) -> float:
    import numpy as np

    return float(np.average((np.clip(p, 0, 1) - y) ** 2, weights=w))


def _log_loss(y: FloatArray, p: FloatArray, w: FloatArray, _: float) -> float:
    import numpy as np
    from sklearn.metrics import log_loss

    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    return float(log_loss(y, clipped, sample_weight=w, labels=[0.0, 1.0]))


def _mae(y: FloatArray, p: FloatArray, w: FloatArray, _: float) -> float:
    import numpy as np

    return float(np.average(np.abs(p - y), weights=w))


def _rmse(y: FloatArray, p: FloatArray, w: FloatArray, _: float) -> float:
    import numpy as np

    return float(np.sqrt(np.average((p - y) ** 2, weights=w)))


def _log_error(y: FloatArray, p: FloatArray) -> FloatArray:
    import numpy as np

    error: FloatArray = np.abs(np.log1p(np.maximum(p, 0.0)) - np.log1p(np.maximum(y, 0.0)))
    return error


def _accuracy(y: FloatArray, p: FloatArray, w: FloatArray, _: float) -> float:
    import numpy as np

    return float(np.average(p == y, weights=w))


def _balanced_accuracy(y: FloatArray, p: FloatArray, w: FloatArray, _: float) -> float:
    import numpy as np

    return float(np.mean([np.average(p[y == c] == c, weights=w[y == c]) for c in np.unique(y)]))


def _macro_f1(y: FloatArray, p: FloatArray, w: FloatArray, _: float) -> float:
    import numpy as np
    from sklearn.metrics import f1_score

    scores = f1_score(y, p, labels=np.unique(y), average="macro", sample_weight=w, zero_division=0)
    return float(scores)


def _male(y: FloatArray, p: FloatArray, w: FloatArray, _: float) -> float:
    import numpy as np

    return float(np.average(_log_error(y, p), weights=w))


def _rmsle(y: FloatArray, p: FloatArray, w: FloatArray, _: float) -> float:
    import numpy as np

    return float(np.sqrt(np.average(_log_error(y, p) ** 2, weights=w)))


def _precision_at(y: FloatArray, p: FloatArray, w: FloatArray, budget: float) -> float:
    return precision_recall_at_budget(y, p, w, budget)[0]


def _recall_at(y: FloatArray, p: FloatArray, w: FloatArray, budget: float) -> float:
    return precision_recall_at_budget(y, p, w, budget)[1]


def metrics() -> Mapping[str, Metric]:
    """Return every registered metric by name; rmsle and male are on log(1 + value).

    The metrics of classes take positions; balanced accuracy and macro F1 are means over the
    classes that occur.
    """
    ranking, probability = frozenset({"binary", "anomaly"}), frozenset({"binary"})
    regression, classes = frozenset({"regression", "quantile"}), frozenset({"multiclass"})
    table = (
        Metric("average_precision", "higher", ranking, average_precision, True),
        Metric("roc_auc", "higher", ranking, _roc_auc, True),
        Metric("precision_at_budget", "higher", ranking, _precision_at, True),
        Metric("recall_at_budget", "higher", ranking, _recall_at, True),
        Metric("brier", "lower", probability, _brier, False),
        Metric("log_loss", "lower", probability, _log_loss, False),
        Metric("mae", "lower", regression, _mae, False),
        Metric("rmse", "lower", regression, _rmse, False),
        Metric("rmsle", "lower", regression, _rmsle, False),
        Metric("male", "lower", regression, _male, False),
        Metric("accuracy", "higher", classes, _accuracy, False),
        Metric("balanced_accuracy", "higher", classes, _balanced_accuracy, False),
        Metric("macro_f1", "higher", classes, _macro_f1, False),
    )
    return MappingProxyType({metric.name: metric for metric in table})
