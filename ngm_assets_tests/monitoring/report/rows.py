"""Rows that a report is made of, and a reader that holds its page to what HTML allows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

from ngm_assets_tests.monitoring.alerting.tables import drift

VOID = {"br", "hr", "img", "input", "link", "meta", "wbr"}
LOADING = {"audio", "base", "embed", "iframe", "img", "link", "object", "script", "source", "video"}
ADDRESSES = {"src", "href", "xlink:href", "action", "data", "srcset", "poster", "background"}
Row = dict[str, Any]


def column(number: int, name: str, severity: str = "none", **changes: Any) -> Row:
    """Return the judgement of a column with numeric bins."""
    counted: Row = {
        "bins": json.dumps([1.0, 2.0]),
        "reference_counts": json.dumps([50, 30, 20]),
        "current_counts": json.dumps([10, 30, 60]),
        "importance": 0.1,
    }
    return drift(number, severity, **({"column_name": name} | counted | changes))


def psi(number: int, name: str, effect: float, **changes: Any) -> Row:
    """Return the index of a column."""
    fields: Row = {"column_name": name, "statistic": "psi", "value": effect, "effect": effect}
    return drift(number, **(fields | changes))


def texts(number: int, name: str, labels: Sequence[str], now: Sequence[int], **changes: Any) -> Row:
    """Return the judgement of a column of texts that were all equally frequent."""
    counted = {
        "bins": json.dumps(list(labels)),
        "reference_counts": json.dumps([10] * (len(labels) + 1)),
        "current_counts": json.dumps(list(now)),
    }
    return column(number, name, **(counted | changes))


class Page(HTMLParser):
    """A page as a browser would read it.

    Attributes:
        faults: What is wrong with it.
        cells: Class and text of every cell of the heat map that is not empty, by its title.
        texts: Every text that is shown, in order.
        tags: Severities of columns and models as they are shown, class and text.
    """

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.cells: dict[str, tuple[str, str]] = {}
        self.texts: list[str] = []
        self.tags: list[tuple[str, str]] = []
        self._goes_on = False
        self._open: list[tuple[str, dict[str, str]]] = []
        self._ids: set[str] = set()
        self.feed(page)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag, _ in self._open]

    @property
    def text(self) -> str:
        """All that is shown."""
        return " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read a tag that opens."""
        self._check(tag, attrs)
        self._goes_on = tag == "wbr"
        if tag not in VOID:
            self._open.append((tag, {name: value or "" for name, value in attrs}))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read a tag that opens and closes."""
        self._check(tag, attrs)
        if not any(name == "svg" for name, _ in self._open):
            self.faults.append(f"<{tag}/> outside a picture")

    def handle_endtag(self, tag: str) -> None:
        """Read a tag that closes."""
        if not self._open or self._open[-1][0] != tag:
            self.faults.append(f"</{tag}> closes {self._open[-1:]}")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """Read a text."""
        tag, given = self._open[-1] if self._open else ("", {})
        if tag == "style":
            self.faults += [word for word in ("@import", "http", "url(h") if word in data]
            return
        if self._goes_on:
            self.texts[-1] += data
        else:
            self.texts.append(data)
        self._goes_on = False
        if tag == "td" and "title" in given:
            self.cells[given["title"]] = (given["class"], data)
        if tag == "span" and given.get("class", "").startswith("tag "):
            self.tags.append((given["class"].removeprefix("tag "), data))

    def _check(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in LOADING:
            self.faults.append(f"<{tag}>")
        names = [name for name, _ in attrs]
        if len(set(names)) < len(names):
            self.faults.append(f"<{tag}> names an attribute twice")
        for name, value in attrs:
            text = value or ""
            if name.startswith("on") or (name in ADDRESSES and not text.startswith("#")):
                self.faults.append(f"<{tag} {name}={text!r}>")
            if name == "style" and "url(" in text and "url(#" not in text:
                self.faults.append(f"<{tag} {name}={text!r}>")
            if name == "id":
                if text in self._ids:
                    self.faults.append(f"id {text} stands twice")
                self._ids.add(text)
