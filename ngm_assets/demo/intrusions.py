"""The security incidents of the demo as audit events, told through the ordinary columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ngm_assets.demo.actions import ACTIONS, named
from ngm_assets.demo.arrow import DAY_US, HOUR_US
from ngm_assets.demo.audit import Events, Habits
from ngm_assets.demo.draws import stream
from ngm_assets.demo.incidents import of_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ngm_assets.demo.draws import Array
    from ngm_assets.demo.estate import Estate
    from ngm_assets.demo.incidents import Incident


class _Scene:
    """Draws the events of one incident for one principal."""

    def __init__(self, rng: np.random.Generator, estate: Estate, usual: Habits, who: int) -> None:
        self.rng = rng
        self.estate = estate
        self.usual = usual
        self.who = who

    def addresses(self, n: int, *, fresh: int) -> Array:
        """Return addresses: of `fresh` new ones, or (0) the usual first two."""
        own = self.usual.addresses[self.who, :2]
        pool = self.rng.integers(0x60000000, 0xDFFFFFFF, fresh) if fresh else own
        return pool[self.rng.integers(0, len(pool), n)]

    def strange_tables(self) -> Array:
        """Return the numbers of the tables that the principal does not usually touch."""
        import numpy as np

        return np.nonzero(self.usual.tables[self.who] < 1e-3)[0]

    def burst(
        self,
        day: int,
        n: int,
        names: Sequence[str],
        *,
        hours: tuple[float, float],
        address: Array,
        refused: float = 0.0,
        workspaces: Sequence[int] = (),
        strange: bool = False,
        codes: tuple[int, ...] = (401, 403),
    ) -> Events:
        """Draw n events of some actions between two hours of a day.

        Args:
            day: Day number.
            n: Number of events.
            names: Action names, drawn evenly.
            hours: First and last hour, UTC.
            address: Addresses, shape (n,).
            refused: Share of refusals.
            workspaces: Workspace numbers; empty = home.
            strange: Whether tables are ones the principal does not usually touch.
            codes: Status codes of refusals.
        """
        import numpy as np

        rng = self.rng
        action = np.asarray(named(*names))[rng.integers(0, len(names), n)]
        homes = np.asarray(workspaces or [self.estate.principals[self.who].home])
        weights = self.usual.tables[self.who]
        table = rng.choice(len(weights), n, p=weights / weights.sum())
        if strange:
            table = rng.choice(self.strange_tables(), n)
        touches = np.asarray([bool(a.param) for a in ACTIONS])[action]
        offset = rng.uniform(hours[0], hours[1], n) * HOUR_US
        status = np.where(rng.random(n) < refused, rng.choice(codes, n), 200)
        start = self.estate.calendar.origin_us + day * DAY_US
        return Events(
            principal=np.full(n, self.who),
            time=start + offset.astype(np.int64),
            action=action,
            workspace=homes[rng.integers(0, len(homes), n)],
            address=address,
            table=np.where(touches, table, -1),
            status=status,
        )


def _strangers(scene: _Scene, n: int) -> list[int]:
    own = scene.estate.principals[scene.who].workspaces
    others = [w for w in scene.estate.steady() if w not in own] or scene.estate.steady()
    return others[:n]


def _stuffing(scene: _Scene, incident: Incident) -> list[Events]:
    """Failed logins from many addresses at night, then probes and reads; refusals trickle on."""
    out = []
    n = int(incident.magnitude)
    places = _strangers(scene, 5)
    for day in incident.days():
        many = scene.addresses(n, fresh=n // 2)
        out.append(
            scene.burst(day, n, ("login", "tokenLogin"), hours=(1.0, 3.2), address=many,
                        refused=0.96, codes=(401,))
        )  # fmt: skip
        few = scene.addresses(40, fresh=3)
        out.append(
            scene.burst(day, 40, ("getSecret", "listGroups", "getServingEndpoint", "listSecrets",
                                  "getPermissions", "workspaceExport"),
                        hours=(2.8, 4.5), address=few, refused=0.4, workspaces=places)
        )  # fmt: skip
        out.append(
            scene.burst(day, 45, ("getTable", "generateTemporaryTableCredential"),
                        hours=(3.0, 5.5), address=scene.addresses(45, fresh=2), refused=0.15,
                        workspaces=places, strange=True)
        )  # fmt: skip
    for later in range(incident.last + 1, min(incident.last + 3, scene.estate.calendar.days)):
        tail = int(scene.rng.integers(3, 8))
        out.append(
            scene.burst(later, tail, ("login", "tokenLogin"), hours=(1.0, 5.0),
                        address=scene.addresses(tail, fresh=2), refused=1.0, codes=(401,))
        )  # fmt: skip
    return out


def _exfiltration(scene: _Scene, incident: Incident) -> list[Events]:
    """Many downloads and exports in the evening, after wide reads, from the usual addresses."""
    n = int(incident.magnitude)
    out = []
    for day in incident.days():
        out.append(
            scene.burst(day, n, ("downloadQueryResult", "downloadPreviewResults",
                                 "downloadLargeResults", "workspaceExport"),
                        hours=(15.5, 21.0), address=scene.addresses(n, fresh=0), refused=0.02)
        )  # fmt: skip
        out.append(
            scene.burst(day, n // 2, ("getTable", "generateTemporaryTableCredential"),
                        hours=(15.0, 20.5), address=scene.addresses(n // 2, fresh=0),
                        strange=True)
        )  # fmt: skip
    return out


def _escalation(scene: _Scene, incident: Incident) -> list[Events]:
    """A day or two of looking around with refusals, then grants to oneself and tokens."""
    out = []
    for day in range(max(0, incident.first - 2), incident.first):
        n = int(scene.rng.integers(6, 14))
        out.append(
            scene.burst(day, n, ("getPermissions", "listGroups", "getWorkspaceAcl"),
                        hours=(9.0, 18.0), address=scene.addresses(n, fresh=0), refused=0.35,
                        codes=(403,), strange=True)
        )  # fmt: skip
    n = int(incident.magnitude)
    for day in incident.days():
        out.append(
            scene.burst(day, n, ("updatePermissions", "addPrincipalToGroup", "changeWorkspaceAcl",
                                 "generateDbToken", "updatePermissions"),
                        hours=(11.0, 19.5), address=scene.addresses(n, fresh=0), refused=0.1,
                        codes=(403,), strange=True)
        )  # fmt: skip
    return out


def _night_shift(scene: _Scene, incident: Incident) -> list[Events]:
    """Work between 21:00 and 05:00 on strange tables, for days on end."""
    out = []
    places = [scene.estate.principals[scene.who].home, *_strangers(scene, 2)]
    for day in incident.days():
        n = int(scene.rng.poisson(incident.magnitude))
        for hours, part in (((21.0, 24.0), n // 2), ((0.0, 5.0), n - n // 2)):
            out.append(
                scene.burst(day, part, ("getTable", "generateTemporaryTableCredential",
                                        "runCommand", "openNotebook", "listTables"),
                            hours=hours, address=scene.addresses(part, fresh=0), refused=0.02,
                            workspaces=places, strange=True)
            )  # fmt: skip
    return out


_STORIES = {
    "credential_stuffing": _stuffing,
    "exfiltration": _exfiltration,
    "privilege_escalation": _escalation,
    "behaviour_change": _night_shift,
}


def events(
    estate: Estate, usual: Habits, incidents: Sequence[Incident], *, seed: int
) -> list[Events]:
    """Return the events of the security incidents, each drawn from a stream of its own."""
    out: list[Events] = []
    for incident in of_kind(incidents, *_STORIES):
        rng = stream(seed, f"access/{incident.incident_id}")
        scene = _Scene(rng, estate, usual, incident.target)
        out.extend(_STORIES[incident.kind](scene, incident))
    return out


def displaced(quiet: Events, estate: Estate, incidents: Sequence[Incident]) -> Events:
    """Leave out most ordinary events of people who, for some days, work at night instead."""
    import numpy as np

    day = (quiet.time - estate.calendar.origin_us) // DAY_US
    keep = np.ones(len(day), dtype=bool)
    for incident in of_kind(incidents, "behaviour_change"):
        gone = (quiet.principal == incident.target) & (day >= incident.first)
        gone &= day <= incident.last
        keep &= ~(gone & (quiet.time % 4 != 0))
    return Events(*(a[keep] for a in vars(quiet).values()))
