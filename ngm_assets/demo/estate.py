"""The entities of the demo estate: what exists, before anything happens to it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from ngm_assets.demo.draws import stream

if TYPE_CHECKING:
    import numpy as np

    from ngm_assets.demo.calendar import Calendar

ACCOUNT_ID = "7f1c2d34-5b6a-4c8e-9d10-a1b2c3d4e5f6"
TEAMS = ("finance", "marketing", "risk", "supply", "product", "platform", "research", "sales")
KINDS = ("interactive", "batch", "bi", "dev")
ROLES = ("analyst", "engineer", "scientist", "admin", "service", "system")
_FIRST = "ada ben cleo dan eva finn gina hugo iris jan kira leo mona nils olga paul quinn rosa sam"
_LAST = "abel brandt costa dietz ekman faber gruber hansen ito jensen keller lund moreau novak orr"
_ENTITIES = {
    "orders": ("order_id", "placed_at", "amount", "currency", "status", "channel"),
    "customers": ("customer_id", "name", "segment", "country", "since", "score"),
    "payments": ("payment_id", "order_id", "paid_at", "amount", "method"),
    "events": ("event_id", "event_time", "device", "session", "page", "duration_ms"),
    "sensors": ("sensor_id", "read_at", "value", "unit", "plant", "circuit"),
    "ledger": ("entry_id", "booked_on", "debit", "credit", "account", "memo"),
    "contracts": ("contract_id", "signed_on", "party", "value", "expires_on"),
    "inventory": ("sku", "site", "on_hand", "reserved", "counted_at"),
    "campaigns": ("campaign_id", "starts_on", "ends_on", "budget", "medium"),
    "claims": ("claim_id", "reported_at", "severity", "reserve", "adjuster"),
    "forecasts": ("series_id", "target_date", "p10", "p50", "p90"),
    "tickets": ("ticket_id", "opened_at", "closed_at", "queue", "priority"),
}
ENTITIES = tuple(_ENTITIES)


@dataclass(frozen=True)
class Workspace:
    """A workspace; `first_day` and `last_day` are day numbers, the last one included."""

    workspace_id: str
    team: str
    kind: str
    cloud: str
    size: float
    first_day: int
    last_day: int


@dataclass(frozen=True)
class Principal:
    """A person, a service principal or the system; `name` is lower-cased and trimmed."""

    name: str
    role: str
    team: str
    home: int
    workspaces: tuple[int, ...]
    may_grant: bool


@dataclass(frozen=True)
class Warehouse:
    """A SQL warehouse; `median_ms` is its usual execution time."""

    warehouse_id: str
    workspace: int
    daily: float
    median_ms: float
    pressure: float
    cached: float
    weekends: bool


@dataclass(frozen=True)
class TableName:
    """A table that exists on day 0, with the columns it then has."""

    catalog: str
    schema: str
    name: str
    columns: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """catalog.schema.table."""
        return f"{self.catalog}.{self.schema}.{self.name}"


@dataclass(frozen=True)
class Catalog:
    """A catalog, its team and its release rhythm (days between releases; 0 = bursts)."""

    name: str
    team: str
    cadence: int
    tables: tuple[TableName, ...]


@dataclass(frozen=True)
class Estate:
    """Everything that the tables of the demo share."""

    calendar: Calendar
    workspaces: tuple[Workspace, ...]
    principals: tuple[Principal, ...]
    warehouses: tuple[Warehouse, ...]
    catalogs: tuple[Catalog, ...]

    def steady(self) -> list[int]:
        """Return the numbers of the workspaces that exist on every day."""
        last = self.calendar.days - 1
        return [i for i, w in enumerate(self.workspaces) if w.first_day == 0 and w.last_day == last]

    def people(self) -> list[int]:
        """Return the numbers of the human principals."""
        machines = ("service", "system")
        return [i for i, p in enumerate(self.principals) if p.role not in machines]


@dataclass(frozen=True)
class EntityScale:
    """Factors on the numbers of entities, each on its own; 1 is the demo's estate."""

    workspaces: float
    identities: float
    warehouses: float
    jobs: float
    catalogs: float
    incidents: float

    @classmethod
    def of(cls, scale: float | EntityScale) -> EntityScale:
        """Return one factor as the factor of everything."""
        return scale if isinstance(scale, EntityScale) else cls(*[scale] * len(fields(cls)))


def scaled(base: int, scale: float, minimum: int) -> int:
    """Return `base * scale`, rounded, but not below the minimum."""
    return max(minimum, round(base * scale))


def hex_id(rng: np.random.Generator, length: int) -> str:
    """Draw a lower-case hexadecimal id."""
    return "".join("0123456789abcdef"[d] for d in rng.integers(0, 16, length))


def _uuid(rng: np.random.Generator) -> str:
    h = hex_id(rng, 32)
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


def _workspaces(seed: int, calendar: Calendar, scale: float) -> tuple[Workspace, ...]:
    import numpy as np

    rng = stream(seed, "estate/workspaces")
    count = scaled(24, scale, 5)
    sizes = np.sort(np.exp(rng.normal(0.0, 0.9, count)))[::-1]
    late = set(range(count - max(1, count // 6), count))
    stops = count - len(late) - 1
    out = []
    for i in range(count):
        first = int(rng.integers(calendar.days // 6, calendar.days // 2)) if i in late else 0
        last = int(calendar.days * 0.7) if i == stops else calendar.days - 1
        out.append(
            Workspace(
                workspace_id=str(int(rng.integers(10**15, 9 * 10**15))),
                team=TEAMS[i % len(TEAMS)],
                kind=KINDS[i % len(KINDS)],
                cloud="GCP" if i % 7 == 3 else "AWS",
                size=float(sizes[i]),
                first_day=first,
                last_day=last,
            )
        )
    return tuple(out)


def _team_homes(workspaces: tuple[Workspace, ...], team: str) -> list[int]:
    longest = max(w.last_day for w in workspaces)
    steady = [i for i, w in enumerate(workspaces) if w.first_day == 0 and w.last_day == longest]
    return [i for i in steady if workspaces[i].team == team] or steady


def _person(rng: np.random.Generator, number: int, workspaces: tuple[Workspace, ...]) -> Principal:
    first, last = _FIRST.split(), _LAST.split()
    role = ROLES[int(rng.choice(4, p=(0.45, 0.30, 0.17, 0.08)))] if number > 1 else "admin"
    team = TEAMS[int(rng.integers(len(TEAMS)))]
    homes = _team_homes(workspaces, team)
    home = homes[int(rng.integers(len(homes)))]
    others = rng.permutation(len(workspaces))[: int(rng.integers(0, 3))]
    suffix = "" if number < len(first) * len(last) else str(number)
    given = first[number % len(first)]
    family = last[(number // len(first) + 3 * (number % len(first))) % len(last)]
    return Principal(
        name=f"{given}.{family}{suffix}@northgate.example",
        role=role,
        team=team,
        home=home,
        workspaces=(home, *(int(o) for o in others if int(o) != home)),
        may_grant=role == "admin" or (role != "analyst" and bool(rng.random() < 0.4)),
    )


def _principals(
    seed: int, scale: float, workspaces: tuple[Workspace, ...]
) -> tuple[Principal, ...]:
    rng = stream(seed, "estate/principals")
    out = [_person(rng, i, workspaces) for i in range(scaled(150, scale, 14))]
    services = scaled(25, scale, 4)
    for i in range(services):
        team = TEAMS[i % len(TEAMS)]
        home = _team_homes(workspaces, team)[0]
        google = i == services - 1
        name = "etl-runner@ngm-prod.iam.gserviceaccount.com" if google else _uuid(rng)
        out.append(Principal(name, "service", team, home, (home,), bool(rng.random() < 0.15)))
    everywhere = tuple(range(len(workspaces)))
    out.append(Principal("System-User", "system", "platform", 0, everywhere, may_grant=False))
    return tuple(out)


def _warehouses(seed: int, scale: float, estate: Estate) -> tuple[Warehouse, ...]:
    rng = stream(seed, "estate/warehouses")
    steady = estate.steady()
    out = []
    for i in range(scaled(14, scale, 4)):
        slow = i % 4 == 3
        out.append(
            Warehouse(
                warehouse_id=hex_id(rng, 16),
                workspace=steady[i % len(steady)],
                daily=float(rng.uniform(50.0, 108.0)),
                median_ms=float(rng.uniform(7e3, 14e3) if slow else rng.uniform(7e2, 4e3)),
                pressure=float(rng.choice((0.15, 0.5, 1.0, 1.8))),
                cached=float(rng.choice((0.08, 0.2, 0.3, 0.45))),
                weekends=i % 5 != 2,
            )
        )
    return tuple(out)


def _catalog_tables(rng: np.random.Generator, catalog: str) -> tuple[TableName, ...]:
    out = []
    for schema in ("bronze", "silver", "gold")[: int(rng.integers(2, 4))]:
        for entity in rng.permutation(ENTITIES)[: int(rng.integers(3, 8))]:
            known = _ENTITIES[str(entity)]
            extra = [f"attr_{n:02d}" for n in range(int(rng.integers(0, 4)))]
            columns = (*known, *extra, "loaded_at")
            out.append(TableName(catalog, schema, f"{entity}_{schema[0]}", columns))
    return tuple(out)


def _catalogs(seed: int, scale: float) -> tuple[Catalog, ...]:
    cadences = (7, 14, 0, 42, 7, 56, 0, 14, 7, 28)
    out = []
    for i in range(scaled(10, scale, 3)):
        team = TEAMS[i % len(TEAMS)]
        name = f"{team}_{'prod' if i < len(TEAMS) else 'lab'}" + ("" if i < 16 else str(i))
        rng = stream(seed, f"estate/catalogs/{name}")
        tables = _catalog_tables(rng, name)
        out.append(Catalog(name, team, cadences[i % len(cadences)], tables))
    return tuple(out)


def build_estate(calendar: Calendar, *, seed: int, scale: float | EntityScale) -> Estate:
    """Draw the estate.

    Args:
        calendar: The days of the demo.
        seed: Seed of the estate; each kind of entity has a stream of its own.
        scale: Factor on the numbers of entities; minima keep a small estate meaningful.
    """
    from dataclasses import replace

    factors = EntityScale.of(scale)
    workspaces = _workspaces(seed, calendar, factors.workspaces)
    principals = _principals(seed, factors.identities, workspaces)
    estate = Estate(calendar, workspaces, principals, (), _catalogs(seed, factors.catalogs))
    return replace(estate, warehouses=_warehouses(seed, factors.warehouses, estate))
