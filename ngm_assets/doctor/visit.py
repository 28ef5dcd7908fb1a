"""A visit to a workspace: who looks, with which client, at which environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ngm_assets.settings import Settings

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

EVERYBODY = "account users"
EVERYTHING = "ALL_PRIVILEGES"


@dataclass(frozen=True)
class Visit:
    """Who looks.

    Attributes:
        settings: The environment.
        client: Of its workspace.
        user: Name of the user, or application id of the service principal.
        groups: Groups the workspace counts the user to; groups within groups may be missing.
        python: The local Python, such as `3.12`.
    """

    settings: Settings
    client: WorkspaceClient
    user: str
    groups: frozenset[str]
    python: str

    @property
    def identities(self) -> frozenset[str]:
        """All names under which rights reach the user."""
        return self.groups | {self.user, EVERYBODY}

    def owns(self, owner: str | None) -> bool:
        """Tell whether the user is an owner, alone or through a group."""
        return owner in self.identities

    def rights(self, kind: str, full_name: str) -> set[str]:
        """Return the user's rights on something, inherited ones included."""
        found: set[str] = set()
        token: str | None = None
        while True:
            page = self.client.grants.get_effective(
                kind, full_name, max_results=0, page_token=token
            )
            for one in page.privilege_assignments or []:
                if one.principal in self.identities:
                    given = [held.privilege for held in one.privileges or []]
                    found |= {right.value for right in given if right is not None}
            token = page.next_page_token
            if not token:
                return found

    def lacks(self, kind: str, full_name: str, wanted: tuple[str, ...]) -> list[str]:
        """Return the wanted rights, spelled as in SQL, that the user does not have."""
        held = self.rights(kind, full_name)
        if EVERYTHING in held:
            return []
        return [right for right in wanted if right.replace(" ", "_") not in held]
