"""Rollbacks after any history, and death after any of their writes, tried on paper."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ngm_assets.errors import RegistryError
from ngm_assets.models.registry.succession import roll_back
from ngm_assets.models.registry.versions import Deed, VersionInfo, newest_promoted
from ngm_assets_tests.models.dying import MONDAYS, CrashError

LATER = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)


class PaperStore:
    """A store in memory, for many registries in little time; it can die after a given write."""

    def __init__(self, promoted: list[bool], days: list[int]) -> None:
        """Hold versions 1, 2, ... by whether they were promoted and the Monday they are of."""
        self.writes, self.die_after = 0, -1
        self.infos = {
            number: VersionInfo(
                "paper",
                number,
                "run",
                MONDAYS[day],
                MONDAYS[day],
                {"complete": "true"} | ({"promotion": "promoted"} if was else {}),
            )
            for number, (was, day) in enumerate(zip(promoted, days, strict=True), 1)
        }

    def name(self, model: str) -> str:
        """Return the name as it is."""
        return model

    def tag(self, info: VersionInfo, **tags: str) -> VersionInfo:
        """Write tags, one by one."""
        for name, text in tags.items():
            self._write(info.version, tags={**self.infos[info.version].tags, name: text})
        return replace(info, tags={**info.tags, **tags})

    def untag(self, info: VersionInfo, *names: str) -> VersionInfo:
        """Delete tags, one by one."""
        for name in names:
            held = self.infos[info.version].tags
            if name in info.tags:
                self._write(info.version, tags={n: t for n, t in held.items() if n != name})
        return replace(info, tags={n: t for n, t in info.tags.items() if n not in names})

    def alias(self, info: VersionInfo, alias: str) -> VersionInfo:
        """Move an alias."""
        self._count()
        for version, held in self.infos.items():
            here = (alias,) if version == info.version else ()
            self.infos[version] = replace(held, aliases=here)
        return replace(info, aliases=(alias,))

    def _write(self, version: int, tags: dict[str, str]) -> None:
        self._count()
        self.infos[version] = replace(self.infos[version], tags=tags)

    def _count(self) -> None:
        if self.writes == self.die_after:
            raise CrashError
        self.writes += 1

    def versions(self) -> list[VersionInfo]:
        """Return all versions."""
        return list(self.infos.values())

    def roll_back(self, to: int, reason: str = "because") -> bool:
        """Roll back, and tell whether it was not refused."""
        store: Any = self
        try:
            roll_back(store, self.versions(), to, Deed("ada", LATER, reason))
        except RegistryError:
            return False
        return True


HISTORIES = st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=6)
TARGETS = st.lists(st.integers(1, 6), min_size=1, max_size=6)


def paper_of(made: list[tuple[bool, int]], targets: list[int]) -> PaperStore:
    """Return versions as they stand after rollbacks to some of them."""
    store = PaperStore([was for was, _ in made], [day for _, day in made])
    for to in targets:
        if to <= len(made):
            store.roll_back(to, f"because of {to}")
    return store


@given(HISTORIES, TARGETS)
@settings(max_examples=200, deadline=None)
def test_whatever_came_before_the_target_of_the_last_rollback_reigns(
    made: list[tuple[bool, int]], targets: list[int]
) -> None:
    """Any versions, any sequence of rollbacks: only the target and older ones are in force."""
    *earlier, to = targets
    assume(to <= len(made))
    store = paper_of(made, earlier)
    before = newest_promoted(store.versions())
    if not store.roll_back(to):
        assert store.infos[to] == before or not store.infos[to].ever_promoted
        return
    target = store.infos[to]
    assert newest_promoted(store.versions()) == target
    assert (target.standing, target.aliases) == ("champion", ("champion",))
    assert [info.standing for info in store.versions()].count("champion") == 1
    for info in store.versions():
        newer = info.ever_promoted and info.order > target.order
        assert not newer or info.standing == "rolled back"
    for day in MONDAYS:
        led = newest_promoted(store.versions(), day)
        assert led is None or led.order <= target.order
        assert led == target or day < target.as_of


@given(HISTORIES, TARGETS)
@settings(max_examples=200, deadline=None)
def test_after_any_history_a_rollback_that_died_anywhere_is_completed_by_the_same_call(
    made: list[tuple[bool, int]], targets: list[int]
) -> None:
    """Among them rollbacks to versions that were rolled back themselves."""
    *earlier, to = targets
    assume(to <= len(made))
    calm = paper_of(made, earlier)
    began = calm.writes
    calm.roll_back(to)
    for death in range(began, calm.writes):
        store = paper_of(made, earlier)
        store.die_after = death
        with pytest.raises(CrashError):
            store.roll_back(to)
        store.die_after = -1
        assert store.roll_back(to), f"after write {death - began}"
        assert store.infos == calm.infos, f"after write {death - began}"
