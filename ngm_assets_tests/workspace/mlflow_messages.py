"""Requests to MLflow's interfaces read as its protocol says, and answers written so."""

from __future__ import annotations

import json
from typing import Any

from ngm_assets_tests.workspace.http import ApiError, Request, Response, malformed


def received(request: Request, message: Any) -> Any:
    """Fill a message of the protocol with what a request sent, and return it.

    Raises:
        ApiError: A field is unknown or of another type than the protocol says.
    """
    from google.protobuf.json_format import (  # type: ignore[import-untyped]
        ParseDict,
        ParseError,
    )

    sent = from_query(request, message) if request.method == "GET" else request.json()
    try:
        return ParseDict(sent, message)
    except ParseError as error:
        raise malformed(f"{request.method} {request.path}: {error}") from None


def from_query(request: Request, message: Any) -> dict[str, Any]:
    """Return query parameters as the JSON values the fields of a message take."""
    fields = message.DESCRIPTOR.fields_by_name
    found: dict[str, Any] = {}
    for name, texts in request.repeated.items():
        field = fields.get(name)
        if field is None:
            raise malformed(f"{request.method} {request.path}: unknown parameter {name}")
        values = [text == "true" for text in texts] if field.type == field.TYPE_BOOL else texts
        found[name] = values if hasattr(getattr(message, name), "extend") else values[-1]
    return found


def answer(message: Any) -> Response:
    """Return a message of the protocol as an answer."""
    from mlflow.utils.proto_json_utils import message_to_json

    return Response(200, json.loads(message_to_json(message)))


def refused(error: Any) -> ApiError:
    """Return an MLflow exception as the answer that says the same."""
    return ApiError(error.get_http_status_code(), error.error_code, error.message)
