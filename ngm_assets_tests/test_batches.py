"""A plan is divided into batches that cover it once; what is left can be taken up and timed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.batches import Batch, batches_of, fingerprint, seconds_left
from ngm_assets.build import FEATURE_JOB, INFERENCE_JOB, MONITORING_JOB, TRAINING_JOB
from ngm_assets.days import days_between, ranges, spans
from ngm_assets.planning import RunPlan, plan_run

FIRST, LAST = date(2024, 1, 1), date(2024, 12, 30)
PLAN = RunPlan(
    start=FIRST,
    end=LAST,
    warm_up=FIRST - timedelta(days=10),
    warm_tables=("fact_usage",),
    weeks=(date(2024, 12, 23), date(2024, 12, 30)),
    score_from=date(2024, 12, 20),
    models=("budget_forecaster", "tag_recommender"),
)


@given(st.integers(1, 400))
def test_every_day_of_a_job_is_in_one_batch_of_the_size_asked(size: int) -> None:
    batches = batches_of(PLAN, days=size)
    for job, first, last in (
        (FEATURE_JOB, PLAN.warm_up, LAST),
        (INFERENCE_JOB, PLAN.score_from, LAST),
        (MONITORING_JOB, PLAN.score_from, LAST),
    ):
        mine = [batch for batch in batches if batch.job == job]
        days = [day for batch in mine for day in days_between(batch.first, batch.last)]
        assert days == days_between(first, last)
        assert all((batch.last - batch.first).days < size for batch in mine)


def test_gold_comes_before_training_and_training_before_scoring() -> None:
    jobs = [batch.job for batch in batches_of(PLAN, days=100)]
    assert jobs == sorted(
        jobs, key=[FEATURE_JOB, TRAINING_JOB, INFERENCE_JOB, MONITORING_JOB].index
    )
    weeks = [batch.first for batch in batches_of(PLAN) if batch.job == TRAINING_JOB]
    assert weeks == list(PLAN.weeks)


def test_another_plan_has_another_name_and_the_same_one_the_same() -> None:
    name = fingerprint(batches_of(PLAN))
    assert fingerprint(batches_of(replace(PLAN))) == name
    assert fingerprint(batches_of(PLAN, days=30)) != name
    assert fingerprint(batches_of(PLAN), ["dev"]) != fingerprint(batches_of(PLAN), ["prod"])
    assert fingerprint(batches_of(replace(PLAN, models=("tag_recommender",)))) != name


def test_the_time_left_is_that_of_the_same_kind_by_days() -> None:
    one = Batch("some", FEATURE_JOB, FIRST, FIRST + timedelta(days=9), None)
    two = replace(one, last=FIRST + timedelta(days=29))
    other = replace(one, job=INFERENCE_JOB)
    assert seconds_left([(one, 20.0)], [two, one]) == (80.0, True)
    assert seconds_left([(one, 20.0)], [two, other]) == (60.0, False)
    assert seconds_left([(one, 20.0)], [other]) is None
    assert seconds_left([], [two]) is None
    assert seconds_left([(one, 20.0)], []) == (0.0, True)


def test_every_week_means_the_mondays_between_the_first_and_the_newest() -> None:
    spent = {"system.billing.usage": (FIRST, LAST)}
    plan = plan_run(
        spent, FIRST, LAST, score_days=365, models=[], today=date(2025, 1, 1), every_week=True
    )
    assert plan.weeks == tuple(days_between(date(2024, 1, 1), date(2024, 12, 30))[::7])
    assert len(plan.weeks) == 53


def test_mondays_before_the_first_partition_are_left_out() -> None:
    spent = {"system.billing.usage": (FIRST, LAST)}
    since = date(2024, 1, 3)
    plan = plan_run(
        spent, since, date(2024, 1, 20), score_days=99, models=[], today=LAST, since=since
    )
    assert plan.weeks == (date(2024, 1, 15),)


@given(st.dictionaries(st.integers(0, 40), st.integers(0, 50)), st.integers(1, 60))
def test_spans_cover_the_days_and_hold_few_rows(numbered: dict[int, int], most: int) -> None:
    rows = {FIRST + timedelta(days=n): count for n, count in numbered.items()}
    last = FIRST + timedelta(days=40)
    found = spans(rows, FIRST, last, most)
    assert [d for span in found for d in days_between(*span)] == days_between(FIRST, last)
    for first, end in found:
        assert first == end or sum(rows.get(d, 0) for d in days_between(first, end)) <= most


@given(st.integers(0, 50), st.integers(1, 60))
def test_ranges_are_full_but_for_the_last(length: int, size: int) -> None:
    last = FIRST + timedelta(days=length)
    found = ranges(FIRST, last, size)
    assert [d for span in found for d in days_between(*span)] == days_between(FIRST, last)
    assert all((end - first).days + 1 == size for first, end in found[:-1])
