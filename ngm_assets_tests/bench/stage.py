"""What one side of a row is given: where its data lie, how large they are, and a clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ngm_assets.demo.generate import DEMO_END
from ngm_assets_tests.bench.usage import Clock, peak_mib

if TYPE_CHECKING:
    from ngm_assets.platform import Platform
    from ngm_assets.settings import Settings
    from ngm_assets_tests.bench.reference_estate import Scale


@dataclass(frozen=True)
class Stage:
    """One run of one side.

    Attributes:
        work: Folder of what was prepared, shared by all sides.
        scratch: Empty folder of this run alone, deleted afterwards.
        name: Name of the scale.
        share: Part or multiple of the scale's rows.
        clock: Times the parts; the part `work` is what the row compares.
    """

    work: Path
    scratch: Path
    name: str
    share: float
    clock: Clock = field(default_factory=Clock, compare=False)

    @property
    def scale(self) -> Scale:
        """The scale."""
        from ngm_assets_tests.bench.reference_estate import SCALES

        return SCALES[self.name]

    @property
    def end(self) -> date:
        """Last day."""
        return DEMO_END

    @property
    def start(self) -> date:
        """First day."""
        return self.end - timedelta(days=self.scale.days - 1)

    @property
    def landing(self) -> Path:
        """Folder of the raw files."""
        return self.prepared("landing")

    def prepared(self, what: str) -> Path:
        """Return the folder of something prepared at this size."""
        return self.work / f"{what}-{self.name}-{self.share:g}"

    def settings(self, home: Path) -> Settings:
        """Return settings of a home over the landing, whatever the environment says."""
        from ngm_assets.settings import load_settings

        return load_settings(
            env="local",
            home=home,
            landing=self.landing,
            start_date=self.start,
            end_date=self.end,
            environ={},
        )

    def platform(self, home: Path) -> Platform:
        """Open the platform of a home."""
        from ngm_assets.platform import open_platform

        return open_platform(self.settings(home))

    def keep(self, told: Mapping[str, Any]) -> None:
        """Write down what is known so far: all that is left of a side that is stopped."""
        clock = self.clock
        found = {
            "seconds": clock.seconds.get(clock.WORK, 0.0),
            "processor": clock.processor.get(clock.WORK, 0.0),
            "parts": {n: s for n, s in clock.seconds.items() if n != clock.WORK},
            "peak_mib": clock.peak or peak_mib(),
            "told": dict(told),
        }
        draft = self.scratch / "told.tmp"
        draft.write_text(json.dumps(found, default=str))
        draft.replace(self.scratch / "told.json")

    def to_json(self) -> str:
        """Return what `from_json` reads."""
        content = {k: v for k, v in asdict(self).items() if k != "clock"}
        return json.dumps(content, default=str)

    @staticmethod
    def from_json(text: str) -> Stage:
        """Restore a stage in another process."""
        found = json.loads(text)
        return Stage(
            Path(found["work"]), Path(found["scratch"]), found["name"], float(found["share"])
        )
