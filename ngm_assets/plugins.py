"""Finds what users add under a name: registered here, by an entry point, or by its dotted path."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, TypeVar

from ngm_assets.errors import ConfigError

Made = TypeVar("Made")


@dataclass(frozen=True)
class Plugins:
    """One kind of thing that is found by name.

    Attributes:
        what: What one of them is called in messages.
        group: Group of entry points by which other packages register theirs.
        own: "module:Class" of those that come with this package, by name.
    """

    what: str
    group: str
    own: Mapping[str, str]

    def registered(self) -> dict[str, str]:
        """Return "module:Class" by name, own ones first; nothing is imported.

        Raises:
            ConfigError: An entry point takes a name that is taken.
        """
        found = dict(self.own)
        for point in entry_points(group=self.group):
            if found.setdefault(point.name, point.value) != point.value:
                raise ConfigError(
                    f"Two {self.what}s are named {point.name!r}.",
                    where=f"{found[point.name]}, {point.value}",
                    mend="Give the entry point another name.",
                )
        return found

    def load(
        self,
        name: str,
        registered: Mapping[str, str],
        where: str,
        create: Callable[[Any], Made],
    ) -> Made:
        """Import a class by its registered name or "package.module:Class", and create one of it.

        Args:
            name: What it is called in the settings.
            registered: What `registered` returns.
            where: The setting, for the message.
            create: Makes it of the class.

        Raises:
            ConfigError: There is none of the name, or it cannot be created.
        """
        module, _, attribute = registered.get(name, name).replace(":", ".").rpartition(".")
        try:
            return create(getattr(importlib.import_module(module), attribute))
        except (ImportError, AttributeError, ValueError, TypeError) as error:
            raise ConfigError(
                f"Unknown {self.what} {name!r}: {error}.",
                where=where,
                mend=f"Use one of {', '.join(registered)} or package.module:Class.",
            ) from error
        except Exception as error:
            raise ConfigError(
                f"The {self.what} {name!r} cannot be loaded: {type(error).__name__}: {error}.",
                where=where,
                mend="Mend its module or class, or take it out of the settings.",
            ) from error
