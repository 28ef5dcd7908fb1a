"""The columns of a report: which are shown, under which labels, with which shares."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.monitoring.report.columns import (
    LONGEST_LABEL,
    MOST_BINS,
    WORST_COLUMNS,
    worst_columns,
)
from ngm_assets_tests.monitoring.alerting.tables import MODEL, OTHER, TABLE, drift
from ngm_assets_tests.monitoring.report.rows import Row, column, psi, texts


def shown(*rows: Row) -> dict[str, tuple[str, str]]:
    """Return severity and note by the column's name."""
    found = worst_columns(rows)
    return {one.title.removeprefix(f"{TABLE}."): (one.severity, one.note) for one in found}


def labels(row: Row) -> list[str]:
    """Return the labels of a column's bins."""
    (one,) = worst_columns([row])
    return [each.label for each in one.bins]


def test_the_worst_come_first_then_those_with_the_greatest_effect() -> None:
    rows = [
        column(0, "calm"),
        column(0, "wild"),
        psi(0, "calm", 0.01),
        psi(0, "wild", 0.9),
        column(0, "bad", "severe"),
        column(0, "worse", "critical"),
        drift(0, "critical"),
    ]
    assert list(shown(*rows)) == ["worse", "bad", "wild", "calm"]
    assert shown(*rows)["wild"] == ("none", f"{MODEL} v1, PSI 0.900")


def test_a_column_is_shown_once_for_the_model_that_says_worst() -> None:
    rows = [column(0, "cost", "moderate"), column(0, "cost", "critical", model_name=OTHER)]
    assert shown(*rows) == {"cost": ("critical", f"{OTHER} v1")}


def test_only_so_many_are_shown() -> None:
    rows = [column(0, f"c{number}") for number in range(WORST_COLUMNS + 5)]
    assert len(worst_columns(rows)) == WORST_COLUMNS


def test_what_could_not_be_evaluated_is_not_called_none() -> None:
    row = column(0, "cost", status="could_not_evaluate", reason="reference_in_one_cell")
    assert shown(row) == {"cost": ("not evaluated", f"{MODEL} v1, reference_in_one_cell")}


@pytest.mark.parametrize("missing", ["current_counts", "reference_counts", "bins"])
def test_a_column_without_counts_is_shown_where_it_drifted(missing: str) -> None:
    nothing: Row = {missing: None}
    gone = column(0, "gone", "critical", reason="missing_column", **nothing)
    silent = column(0, "silent", status="could_not_evaluate", **nothing)
    (one,) = worst_columns([gone, silent])
    assert (one.severity, one.note, one.bins) == ("critical", f"{MODEL} v1, missing_column", ())
    assert one.most == 1.0


def test_bins_of_numbers_are_named_by_their_upper_edges() -> None:
    assert labels(column(0, "cost")) == ["≤ 1", "≤ 2", "above"]
    edges = json.dumps([1234561.0, 1234562.0])
    assert labels(column(0, "cost", bins=edges)) == ["≤ 1234561", "≤ 1234562", "above"]


def test_a_column_with_one_bin_has_one_label() -> None:
    one = {"bins": "[]", "reference_counts": "[7]", "current_counts": "[9]"}
    assert labels(column(0, "constant", **one)) == ["all values"]


def test_bins_without_rows_have_no_share() -> None:
    (one,) = worst_columns([column(0, "cost", current_counts="[0, 0, 0]")])
    assert [each.now for each in one.bins] == [0.0, 0.0, 0.0]
    assert [each.before for each in one.bins] == [0.5, 0.3, 0.2]
    (none,) = worst_columns(
        [column(0, "cost", reference_counts="[0, 0, 0]", current_counts="[0, 0, 0]")]
    )
    assert none.most == 1.0


def test_of_many_categories_those_that_moved_most_are_shown_and_the_rest_as_one() -> None:
    names = [f"category {number}" for number in range(50)]
    (one,) = worst_columns([texts(0, "tag", names, [10] * 40 + [20] * 5 + [0] * 5 + [10])])
    assert len(one.bins) == MOST_BINS
    found = [each.label for each in one.bins]
    assert set(names[40:50]) <= set(found)
    assert found[-1] == "32 more"
    assert one.most == pytest.approx(20 / 510)
    assert found[:-1] == sorted(found[:-1], key=[*names, "others"].index)
    for side in ("before", "now"):
        assert sum(getattr(each, side) for each in one.bins) == pytest.approx(1.0)


def test_long_labels_keep_what_tells_them_apart() -> None:
    names = [f"{'a rather long category ' * 5}{number}" for number in range(3)]
    found = labels(texts(0, "tag", names, [1, 1, 1, 1]))
    assert len(set(found)) == 4
    assert found[2].endswith("category 2")


@given(st.lists(st.text(max_size=200), min_size=1, max_size=60))
def test_every_label_is_a_short_line(categories: list[str]) -> None:
    (one,) = worst_columns([texts(0, "tag", categories, range(len(categories) + 1))])
    for each in one.bins:
        assert 0 < len(each.label) <= LONGEST_LABEL
        assert each.label.isprintable()
        assert not each.one or 0.0 <= each.now <= one.most <= 1.0 + 1e-9
