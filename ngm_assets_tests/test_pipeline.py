"""A plan that was interrupted is taken up where it stopped, and says how much is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from ngm_assets import pipeline
from ngm_assets.orchestration import JobRun, open_instance
from ngm_assets.planning import RunPlan
from ngm_assets.settings import Settings, load_settings

FIRST = date(2024, 1, 1)
PLAN = RunPlan(
    start=FIRST,
    end=FIRST + timedelta(days=9),
    warm_up=FIRST,
    warm_tables=(),
    weeks=(FIRST, FIRST + timedelta(days=7)),
    score_from=FIRST,
    models=("budget_forecaster",),
)
MINUTE = 60.0
AGAIN = (
    pytest.param(None, {}, 0, id="all of it"),
    pytest.param(["a"], {"dagster/is_resume_retry": "true"}, 0, id="from the failure"),
    pytest.param(["a"], {}, 1, id="chosen steps"),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return the settings of an empty home."""
    return load_settings(env="local", home=tmp_path / "home", landing=tmp_path, environ={})


class Jobs:
    """Stands for `run_job`: keeps what ran, and records a run as Dagster does."""

    def __init__(self, stopping_at: int | None = None, failing_at: int | None = None) -> None:
        self.ran: list[tuple[str, str, str]] = []
        self.stopping_at = stopping_at
        self.failing_at = failing_at

    def __call__(
        self,
        _settings: Settings,
        instance: dg.DagsterInstance,
        job: str,
        first: str,
        last: str,
        *,
        tags: dict[str, str],
        **_: Any,
    ) -> JobRun:
        """Run nothing."""
        number = len(self.ran)
        if number == self.stopping_at:
            raise KeyboardInterrupt
        self.ran.append((job, first, last))
        good = number != self.failing_at
        status = DagsterRunStatus.SUCCESS if good else DagsterRunStatus.FAILURE
        instance.add_run(dg.DagsterRun(job_name=job, tags=tags, status=status))
        return JobRun(job, "", good, (), ())


def run(
    settings: Settings, jobs: Jobs, patch: pytest.MonkeyPatch, **more: Any
) -> tuple[list[JobRun], list[str]]:
    """Run the plan in batches of five days; every look at the clock is a minute later."""
    patch.setattr(pipeline, "run_job", jobs)
    titles: list[str] = []

    def stage(title: str) -> Callable[[str, int, int], None]:
        titles.append(title)
        return lambda _step, _done, _total: None

    ticks: Iterator[int] = count()
    clock = lambda: MINUTE * next(ticks)  # noqa: E731
    runs = pipeline.run_pipeline(PLAN, settings, stage=stage, batch_days=5, clock=clock, **more)
    return runs, titles


def jobs_of(ran: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return the jobs alone."""
    return [job for job, _, _ in ran]


def add_again(
    settings: Settings,
    failed: dg.DagsterRun,
    *,
    tags: Mapping[str, str] | None = None,
    steps: Sequence[str] | None = None,
) -> None:
    """Record that a run was run again from the UI and succeeded."""
    again = dg.DagsterRun(
        job_name=failed.job_name,
        tags={**failed.tags, **(tags or {})},
        status=DagsterRunStatus.SUCCESS,
        parent_run_id=failed.run_id,
        root_run_id=failed.run_id,
        step_keys_to_execute=steps,
    )
    with open_instance(settings) as instance:
        instance.add_run(again)


def test_a_stopped_plan_goes_on_where_it_stopped(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Jobs()
    run(settings, whole, monkeypatch)
    assert len(whole.ran) == 8
    stopped, rest = Jobs(stopping_at=3), Jobs()
    with pytest.raises(KeyboardInterrupt):
        run(settings, stopped, monkeypatch, monitored=False)
    run(settings, rest, monkeypatch, monitored=False, resume=True)
    assert stopped.ran + rest.ran == whole.ran[:6]


def test_what_came_after_a_batch_that_failed_is_made_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stops no later one, but they may have been made from what it left."""
    first, again, third = Jobs(failing_at=1), Jobs(), Jobs()
    runs, _ = run(settings, first, monkeypatch)
    assert [each.success for each in runs] == [True, False, *[True] * 6]
    run(settings, again, monkeypatch, resume=True)
    assert again.ran == first.ran[1:]
    run(settings, third, monkeypatch, resume=True)
    assert third.ran == []


def test_a_resumed_plan_that_stops_again_does_not_take_what_ran_on_the_hole_for_done(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, stopped, rest = Jobs(failing_at=1), Jobs(stopping_at=2), Jobs()
    run(settings, first, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        run(settings, stopped, monkeypatch, resume=True)
    run(settings, rest, monkeypatch, resume=True)
    assert stopped.ran + rest.ran == first.ran[1:]


def test_what_an_earlier_start_made_is_not_taken_for_what_the_last_one_did(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be new data since."""
    whole, stopped, rest = Jobs(), Jobs(stopping_at=3), Jobs()
    run(settings, whole, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        run(settings, stopped, monkeypatch)
    run(settings, rest, monkeypatch, resume=True)
    assert rest.ran == whole.ran[3:]


def test_a_batch_of_an_earlier_start_run_again_from_the_ui_is_not_taken_for_the_last_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, stopped, rest = Jobs(failing_at=7), Jobs(stopping_at=3), Jobs()
    run(settings, first, monkeypatch)
    with open_instance(settings) as instance:
        (failed,) = instance.get_runs(dg.RunsFilter(statuses=[DagsterRunStatus.FAILURE]))
    with pytest.raises(KeyboardInterrupt):
        run(settings, stopped, monkeypatch)
    add_again(settings, failed)
    run(settings, rest, monkeypatch, resume=True)
    assert stopped.ran + rest.ran == first.ran


def test_another_landing_is_not_taken_for_this_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, other = Jobs(), Jobs()
    run(settings, first, monkeypatch)
    elsewhere = settings.model_copy(update={"landing": tmp_path / "elsewhere"})
    run(elsewhere, other, monkeypatch, resume=True)
    assert other.ran == first.ran


@pytest.mark.parametrize(("steps", "tags", "left"), AGAIN)
def test_a_batch_run_again_from_the_ui_counts_where_it_is_whole(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    steps: list[str] | None,
    tags: dict[str, str],
    left: int,
) -> None:
    first, rest = Jobs(failing_at=7), Jobs()
    run(settings, first, monkeypatch)
    with open_instance(settings) as instance:
        (failed,) = instance.get_runs(dg.RunsFilter(statuses=[DagsterRunStatus.FAILURE]))
    add_again(settings, failed, tags=tags, steps=steps)
    run(settings, rest, monkeypatch, resume=True)
    assert len(rest.ran) == left


def test_without_asking_everything_runs_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again = Jobs(), Jobs()
    run(settings, first, monkeypatch)
    run(settings, again, monkeypatch)
    assert again.ran == first.ran


def test_another_plan_is_not_taken_for_this_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = Jobs(), Jobs()
    run(settings, first, monkeypatch)
    run(settings, other, monkeypatch, monitored=False, resume=True)
    assert jobs_of(other.ran) == jobs_of(first.ran)[:6]


def test_titles_say_the_place_and_the_time_left(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, titles = run(settings, Jobs(), monkeypatch, monitored=False)
    assert titles[0] == "gold and features 2024-01-01..2024-01-05 (1 of 6)"
    assert titles[1] == "gold and features 2024-01-06..2024-01-10 (2 of 6, over 1 min left)"
    assert titles[-1] == "predictions 2024-01-06..2024-01-10 (6 of 6, about 1 min left)"
