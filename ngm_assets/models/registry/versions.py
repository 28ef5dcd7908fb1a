"""What a registered version says of itself: the tags, and the questions asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

TRAINING_KEY = "training_key"
COMPLETE = "complete"
STATUS = "status"
PROMOTION = "promotion"
PROMOTED = "promoted"
ROLLED_BACK = "rolled_back_at"
REINSTATED = "reinstated_at"
CHAMPION = "champion"
CHALLENGER = "challenger"
ARCHIVED = "archived"
DUPLICATE = "duplicate_of"


@dataclass(frozen=True)
class Deed:
    """Something done to a version: who did it, when, and why."""

    who: str
    when: datetime
    reason: str

    def tags(self, verb: str) -> dict[str, str]:
        """Return the tags that record it; the time comes last, for it is what counts."""
        return {
            f"{verb}_by": self.who,
            f"{verb}_reason": self.reason,
            f"{verb}_at": self.when.isoformat(),
        }

    def __str__(self) -> str:
        return f"by {self.who} on {self.when:%Y-%m-%d %H:%M} because: {self.reason}"


@dataclass(frozen=True)
class VersionInfo:
    """One version in the registry.

    Attributes:
        model: Name of the model.
        version: Version number, compared as a number.
        run_id: MLflow run that made it.
        as_of: The day it was trained for.
        trained_through: Last feature day of its training rows.
        tags: All tags.
        aliases: Aliases that point at it.
    """

    model: str
    version: int
    run_id: str
    as_of: date
    trained_through: date
    tags: Mapping[str, str]
    aliases: tuple[str, ...] = field(default=())

    @property
    def complete(self) -> bool:
        """Whether everything about it was written, and no other version stands for it."""
        return self.tags.get(COMPLETE) == "true" and DUPLICATE not in self.tags

    @property
    def status(self) -> str:
        """challenger, champion or archived."""
        return self.tags.get(STATUS, CHALLENGER)

    @property
    def approved(self) -> bool:
        """Whether its gates allowed promotion when it was judged."""
        return self.tags.get("gates") == "passed"

    @property
    def ever_promoted(self) -> bool:
        """Whether it was ever made champion, rolled back since or not."""
        return self.tags.get(PROMOTION) == PROMOTED

    @property
    def rolled_back(self) -> bool:
        """Whether it carries the mark of a rollback."""
        return ROLLED_BACK in self.tags

    @property
    def promoted(self) -> bool:
        """Whether it was ever made champion and not rolled back since."""
        return self.ever_promoted and not self.rolled_back

    @property
    def standing(self) -> str:
        """challenger, champion, archived or rolled back."""
        return "rolled back" if self.rolled_back else self.status

    @property
    def order(self) -> tuple[date, int]:
        """What makes one version newer than another: its day, then its number."""
        return self.as_of, self.version

    def deed(self, verb: str) -> Deed | None:
        """Return who did something to it, when and why; None if nobody did.

        Args:
            verb: promoted, archived, rolled_back or reinstated.
        """
        at = self.tags.get(f"{verb}_at")
        if at is None:
            return None
        who, reason = (self.tags.get(f"{verb}_{what}", "") for what in ("by", "reason"))
        return Deed(who, datetime.fromisoformat(at), reason)


def lowest_with_key(versions: Iterable[VersionInfo], training_key: str) -> VersionInfo | None:
    """Return the version of a training.

    Registered twice by accident, a complete version counts before the others, then the lower
    number; one marked as a duplicate never does.
    """
    same = [
        v for v in versions if v.tags.get(TRAINING_KEY) == training_key and DUPLICATE not in v.tags
    ]
    return min(same, key=lambda v: (not v.complete, v.version), default=None)


def newest_promoted(versions: Iterable[VersionInfo], day: date | None = None) -> VersionInfo | None:
    """Return the promoted version with the latest as_of, at most `day`; then the higher number."""
    eligible = [v for v in versions if v.promoted and (day is None or v.as_of <= day)]
    return max(eligible, key=lambda v: v.order, default=None)
