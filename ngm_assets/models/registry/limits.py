"""What a registry takes: tags few and short enough for Unity Catalog, in every registry alike.

Unity Catalog takes 50 tags of a version, values of 1000 characters without space at either end,
and keys of 255 characters without any of `. , - = / :` (Databricks, "Apply tags to Unity Catalog
securable objects"). A version's counts and libraries are therefore one tag each, and a reason too
long for a tag ends in an ellipsis; the run's tags have them in full.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

MAX_TEXT = 4000
"""Longest tag of a run and longest description; MLflow refuses tags of a run beyond 5000."""
MAX_TAG = 1000
"""Longest tag of a version."""
MAX_KEY = 255
RESERVED = re.compile(r"[.,\-=/:]")
GROUPS = {"rows": "rows_", "classes": "class_", "libraries": "library_"}
"""Tags of a version that hold several of its tags, by the beginning of their names."""


def shortened(text: str, limit: int = MAX_TAG) -> str:
    """Return a text without space at its ends, cut to `limit` characters, the last an ellipsis."""
    text = text.strip()
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def taken(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags as a registry takes them: fitting keys and values, empty values left out."""
    fitting = {
        RESERVED.sub("_", name.strip())[:MAX_KEY].strip(): shortened(text)
        for name, text in tags.items()
    }
    return {name: text for name, text in fitting.items() if name and text}


def packed(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a new version: what belongs to a group is one tag, the others as taken.

    Members that would make a group too long are left out, the last ones first.
    """
    rest, found = dict(tags), {}
    for group, front in GROUPS.items():
        members = {n.removeprefix(front): rest.pop(n) for n in tags if n.startswith(front)}
        while len(text := json.dumps(members, ensure_ascii=False)) > MAX_TAG:
            members.popitem()
        if members:
            found[group] = text
    return taken(rest) | found


def unpacked(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a version with the members of groups as tags of their own."""
    found = {name: text for name, text in tags.items() if name not in GROUPS}
    for group, front in GROUPS.items():
        members = json.loads(tags.get(group, "{}"))
        found |= {front + name: text for name, text in members.items()}
    return found
