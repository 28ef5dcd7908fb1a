"""Requests, responses and routes of the emulated workspace, and the check of request bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import unquote

from ngm_assets_tests.workspace.shapes import from_text, misfits


class ApiError(Exception):
    """An answer that says no, as Databricks says it.

    Args:
        status: HTTP status.
        code: `error_code` of the body.
        message: What went wrong.
        protocol: Whether no correct client would have sent the request.
    """

    def __init__(self, status: int, code: str, message: str, *, protocol: bool = False) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.protocol = status, code, message, protocol

    def response(self) -> Response:
        """Return the answer."""
        return Response(self.status, {"error_code": self.code, "message": self.message})


def malformed(message: str) -> ApiError:
    """Return the error of a request that no correct client sends."""
    return ApiError(400, "MALFORMED_REQUEST", message, protocol=True)


def invalid(message: str) -> ApiError:
    """Return the error of a well-formed request that cannot be carried out."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def missing(message: str) -> ApiError:
    """Return the error of something that does not exist."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", message)


@dataclass(frozen=True)
class Request:
    """What a client sent; `parts` are the variables of the route's pattern, header names are lower.

    Attributes:
        method: `GET`, `POST`, ...
        path: Decoded path, without the query.
        query: Query parameters; of a repeated one the last.
        headers: By lower-case name.
        body: As sent.
        parts: Variables of the route's pattern.
        repeated: All values of every query parameter.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    parts: Mapping[str, str] = field(default_factory=dict)
    repeated: Mapping[str, list[str]] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object; an empty body is an empty object.

        Raises:
            ApiError: It is no JSON object.
        """
        try:
            found = json.loads(self.body or b"{}")
        except ValueError as error:
            raise malformed(f"{self.path}: the body is not JSON: {error}") from None
        if not isinstance(found, dict):
            raise malformed(f"{self.path}: the body is not a JSON object")
        return found

    def of(self, method: Callable[..., Any]) -> dict[str, Any]:
        """Return the arguments (body, or query of a GET) as a method of the SDK sends them.

        Args:
            method: The method, such as `DbfsAPI.add_block`: its parameters are what may be sent.

        Raises:
            ApiError: An argument is unknown, missing, or of another type than the method says.
        """
        sent = self.json() if self.method in ("POST", "PUT", "PATCH") else from_query(method, self)
        problems = misfits(method, {**sent, **self.parts})
        if problems:
            raise malformed(f"{self.method} {self.path}: " + "; ".join(problems))
        return sent

    def only(self, *known: str) -> Mapping[str, str]:
        """Return the query, which may have only known parameters.

        Raises:
            ApiError: It has another one.
        """
        unknown = sorted(set(self.query) - set(known))
        if unknown:
            raise malformed(f"{self.method} {self.path}: unknown parameters {', '.join(unknown)}")
        return self.query


def from_query(method: Callable[..., Any], request: Request) -> dict[str, Any]:
    """Return the query parameters, with numbers and flags read as the method's types say."""
    return {name: from_text(method, name, text) for name, text in request.query.items()}


@dataclass(frozen=True)
class Response:
    """An answer: a JSON value, or bytes as they are."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> tuple[str, bytes]:
        """Return content type and bytes."""
        if isinstance(self.body, bytes):
            return "application/octet-stream", self.body
        return "application/json", json.dumps(self.body).encode()


Route = Callable[[Request], Response]
Entry = tuple[str, str, Route]


class Part(Protocol):
    """A part of the workspace: gives its routes as (method, pattern, route)."""

    def routes(self) -> Iterable[Entry]:
        """Return the routes."""


class Routes:
    """Finds the route of a request.

    In a pattern `{name}` stands for one segment of the path, `{name*}` for all that follow,
    slashes included.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[str, re.Pattern[str], Route]] = []

    def add(self, method: str, pattern: str, route: Route) -> None:
        """Register a route; of several that match, the one added last is taken."""
        text = re.escape(pattern).replace(r"\{", "{").replace(r"\}", "}").replace(r"\*}", "*}")
        text = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.*)", text)
        text = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text)
        self._entries.insert(0, (method, re.compile(text), route))

    def add_part(self, part: Part) -> None:
        """Register all routes of a part."""
        for method, pattern, route in part.routes():
            self.add(method, pattern, route)

    def answer(self, request: Request) -> Response:
        """Answer a request.

        Raises:
            ApiError: No route has that method and path, or the route says no.
        """
        for method, pattern, route in self._entries:
            found = pattern.fullmatch(request.path)
            if method == request.method and found:
                parts = {name: unquote(value) for name, value in found.groupdict().items()}
                return route(replace(request, parts=parts))
        raise ApiError(
            404,
            "ENDPOINT_NOT_FOUND",
            f"No API found for '{request.method} {request.path}'",
            protocol=True,
        )
