"""What an SQL statement is and which tables it names, found without understanding all of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<text>[rR]?'(?:[^'\\]|\\.)*'|[rR]?"(?:[^"\\]|\\.)*")
  | (?P<quoted>`(?:[^`]|``)*`)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<other>\d[\w.]*|[<>=!]+|.)
    """,
    re.DOTALL | re.VERBOSE,
)
BEFORE_A_TABLE = {"FROM", "JOIN", "TABLE"}
AFTER_A_TABLE = {
    *("WHERE", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "SEMI", "ANTI", "NATURAL", "ON"),
    *("USING", "GROUP", "ORDER", "HAVING", "LIMIT", "UNION", "EXCEPT", "INTERSECT", "MINUS"),
    *("WINDOW", "LATERAL", "SORT", "DISTRIBUTE", "CLUSTER", "PIVOT", "UNPIVOT", "TABLESAMPLE"),
    *("SELECT", "OFFSET", "QUALIFY"),
}
"""Words that follow a table without an alias."""

Name = tuple[str, ...]


@dataclass(frozen=True)
class Token:
    """A part of a statement: kind (`text`, `quoted`, `word`, `other`), words, and place."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def is_name(self) -> bool:
        """Whether it is an identifier, or a word that may be one."""
        return self.kind in ("quoted", "word")

    @property
    def upper(self) -> str:
        """The word in capitals, empty for anything else."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def identifier(self) -> str:
        """The name an identifier stands for."""
        return self.text[1:-1].replace("``", "`") if self.kind == "quoted" else self.text


@dataclass(frozen=True)
class Named:
    """A name of several parts in a statement, its place, and the token after it."""

    parts: Name
    start: int
    end: int
    after: int


class Statement:
    """A statement and its tokens; comments and space are none.

    Args:
        text: The statement, maybe with a semicolon at its end.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip().removesuffix(";")
        self.tokens = [
            Token(match.lastgroup or "other", match.group(), match.start(), match.end())
            for match in TOKEN.finditer(self.text)
            if match.lastgroup != "space"
        ]

    def starts(self, *words: str) -> bool:
        """Tell whether these words are its first."""
        return tuple(token.upper for token in self.tokens[: len(words)]) == words

    def after(self, token: int) -> str:
        """Return the text from a token on."""
        return self.text[self.tokens[token].start :] if token < len(self.tokens) else ""

    def name_at(self, token: int) -> Named | None:
        """Return the name that starts at a token; None when there is none."""
        if token >= len(self.tokens) or not self.tokens[token].is_name:
            return None
        parts, place = [self.tokens[token].identifier], token + 1
        while self._dot(place):
            parts.append(self.tokens[place + 1].identifier)
            place += 2
        return Named(tuple(parts), self.tokens[token].start, self.tokens[place - 1].end, place)

    def _dot(self, place: int) -> bool:
        following = self.tokens[place : place + 2]
        return len(following) == 2 and following[0].text == "." and following[1].is_name

    def tables(self) -> Iterator[Named]:
        """Yield the names of three parts that stand where tables are named."""
        for place, (before, token) in enumerate(pairwise(self.tokens), start=1):
            if before.upper in BEFORE_A_TABLE and token.is_name:
                found = self.name_at(place)
                if found is not None and len(found.parts) == 3:
                    yield found

    def names(self) -> Iterator[Name]:
        """Yield all names of three parts, wherever they stand."""
        place = 0
        while place < len(self.tokens):
            found = self.name_at(place)
            if found is not None and len(found.parts) >= 3:
                yield found.parts
            place = place + 1 if found is None else found.after

    def with_tables(self, stand_in: Callable[[Name], str | None]) -> str:
        """Return the text with other names in the place of tables; None keeps a name."""
        text = self.text
        for found in reversed(list(self.tables())):
            other = stand_in(found.parts)
            if other is not None:
                alias = "" if self._has_alias(found.after) else f" AS `{found.parts[-1]}`"
                text = text[: found.start] + other + alias + text[found.end :]
        return text

    def _has_alias(self, place: int) -> bool:
        if place >= len(self.tokens):
            return False
        token = self.tokens[place]
        return token.kind == "quoted" or (token.upper != "" and token.upper not in AFTER_A_TABLE)

    def until(self, start: int, words: set[str]) -> int:
        """Return the first token from `start` on that is one of the words outside brackets."""
        depth = 0
        for place in range(start, len(self.tokens)):
            token = self.tokens[place]
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0 and token.upper in words:
                return place
        return len(self.tokens)

    def bracket(self, start: int) -> int:
        """Return the token that closes the bracket at `start`."""
        depth = 0
        for place in range(start, len(self.tokens)):
            text = self.tokens[place].text
            depth += (text == "(") - (text == ")")
            if depth == 0:
                return place
        raise ValueError(f"A bracket is not closed: {self.text}")

    def between(self, first: int, last: int) -> str:
        """Return the text between two tokens, without them."""
        if last == len(self.tokens):
            return self.text[self.tokens[first].end :]
        return self.text[self.tokens[first].end : self.tokens[last].start]
