"""Who reigns: crowns the newest promoted version, archives the others, rolls back on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ngm_assets.errors import RegistryError
from ngm_assets.models.registry.versions import (
    ARCHIVED,
    CHAMPION,
    PROMOTED,
    PROMOTION,
    REINSTATED,
    STATUS,
    Deed,
    VersionInfo,
    newest_promoted,
)

if TYPE_CHECKING:
    from ngm_assets.models.registry.mlflow_store import MlflowStore

FORMERLY = "rolled_back_before"
_MARK = ("rolled_back_reason", "rolled_back_by", "rolled_back_to", "rolled_back_at")
"""In the order of deletion: a version stays rolled back until the last of them is gone."""
_ARCHIVAL = ("archived_reason", "archived_by", "archived_at")


@dataclass(frozen=True)
class Rollback:
    """What a rollback left behind.

    Attributes:
        champion: The version rolled back to; every day from its `as_of` on is now its own.
        rolled_back: The promoted versions newer than it, oldest first; none is ever in force.
    """

    champion: VersionInfo
    rolled_back: tuple[VersionInfo, ...]


def promote(store: MlflowStore, info: VersionInfo, deed: Deed) -> VersionInfo:
    """Record that a version was made champion; the first such record stays.

    Raises:
        RegistryError: It was rolled back.
    """
    if info.rolled_back:
        raise RegistryError(
            f"{info.model} version {info.version} was rolled back {info.deed('rolled_back')}.",
            where=store.name(info.model),
            mend=f"Only `ngm models rollback {info.model} --to-version {info.version}` brings it "
            "back.",
        )
    if not info.ever_promoted:
        info = store.tag(info, **deed.tags("promoted"), **{PROMOTION: PROMOTED})
    return info


def crown(store: MlflowStore, versions: Sequence[VersionInfo], deed: Deed) -> None:
    """Point `champion` at the newest promoted version and archive the other promoted ones.

    Every write is skipped where it has happened, so that a repeated call completes a broken one.
    """
    champion = newest_promoted(versions)
    if champion is None:
        return
    if CHAMPION not in champion.aliases:
        champion = store.alias(champion, CHAMPION)
    for info in versions:
        if info.version != champion.version and info.ever_promoted:
            archive(store, info, _outranked(deed, champion))
    _enthrone(store, champion)


def archive(store: MlflowStore, info: VersionInfo, deed: Deed) -> VersionInfo:
    """Mark a version as archived; the first such mark stays."""
    if info.status == ARCHIVED:
        return info
    return store.tag(info, **deed.tags("archived"), **{STATUS: ARCHIVED})


def roll_back(store: MlflowStore, versions: Sequence[VersionInfo], to: int, deed: Deed) -> None:
    """Make a once promoted version the newest in force: roll back all promoted after it.

    The writes, in this order, each skipped where it has happened:

    1. the target says that it is reinstated, by whom, when and why;
    2. the newer promoted versions are marked, newest first, so that days pass from the newest
       towards the target and never to a version that is to be rolled back as well;
    3. the target loses the mark of an earlier rollback; what it said is kept in
       `rolled_back_before`;
    4. the newer versions are archived, and an older one that reigned until now;
    5. `champion` points at the target, whose archival is struck out; its status comes last.

    A call that died between two writes is completed by the same call.

    Raises:
        RegistryError: No reason is given; the target is unknown, was never promoted, or is the
            champion already.
    """
    target, newer = _plan(store, versions, to, deed)
    note = {"rolled_back_to": str(to)} | deed.tags("rolled_back")
    target = store.tag(target, **deed.tags("reinstated"))
    marked = [info if info.rolled_back else store.tag(info, **note) for info in newer]
    if target.rolled_back:
        if _MARK[0] in target.tags:
            target = store.tag(target, **{FORMERLY: str(target.deed("rolled_back"))})
        target = store.untag(target, *_MARK)
    because = Deed(deed.who, deed.when, f"rolled back to version {to}: {deed.reason}")
    for info in marked:
        archive(store, info, because)
    for info in versions:
        if info.ever_promoted and info.order < target.order:
            archive(store, info, _outranked(deed, target))
    if CHAMPION not in target.aliases:
        target = store.alias(target, CHAMPION)
    _enthrone(store, target)


def newer_promoted(versions: Sequence[VersionInfo], than: VersionInfo) -> list[VersionInfo]:
    """Return the versions ever promoted that are newer than one, newest first."""
    newer = [info for info in versions if info.ever_promoted and info.order > than.order]
    return sorted(newer, key=lambda info: info.order, reverse=True)


def _plan(
    store: MlflowStore, versions: Sequence[VersionInfo], to: int, deed: Deed
) -> tuple[VersionInfo, list[VersionInfo]]:
    """Return the target and the promoted versions newer than it, newest first, or refuse."""
    target = next(info for info in versions if info.version == to)
    others = [info for info in versions if info.ever_promoted and info.version != to]
    able = ", ".join(str(info.version) for info in others) or "there is none"
    mend = f"Choose a version that was champion once: {able}."
    if not deed.reason.strip():
        raise RegistryError(
            "A rollback needs a reason.", where="--reason", mend="Say why, for those who ask later."
        )
    if not target.ever_promoted:
        raise RegistryError(
            f"{target.model} version {to} was never promoted: "
            f"{target.tags.get('gates_reason', 'its gates have not decided')}",
            where=store.name(target.model),
            mend=mend,
        )
    newer = newer_promoted(versions, target)
    begun = REINSTATED in target.tags and not _settled(target, others)
    if target == newest_promoted(versions) and not begun:
        raise RegistryError(
            f"{target.model} version {to} is the champion already.",
            where=store.name(target.model),
            mend=mend,
        )
    return target, newer


def _settled(target: VersionInfo, others: Sequence[VersionInfo]) -> bool:
    crowned = CHAMPION in target.aliases and target.status == CHAMPION
    return crowned and all(info.status == ARCHIVED for info in others)


def _outranked(deed: Deed, champion: VersionInfo) -> Deed:
    reason = f"version {champion.version}, as of {champion.as_of}, is champion"
    return Deed(deed.who, deed.when, reason)


def _enthrone(store: MlflowStore, champion: VersionInfo) -> None:
    champion = store.untag(champion, *_ARCHIVAL)
    if champion.status != CHAMPION:
        store.tag(champion, **{STATUS: CHAMPION})
