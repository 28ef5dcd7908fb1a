"""Tokens for service principals, as OAuth gives them to clients with an id and a secret."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterable
from urllib.parse import parse_qs

from ngm_assets_tests.workspace.http import Entry, Request, Response, malformed

LIFETIME = 3600


class OAuth:
    """Gives tokens, which the workspace takes like its own.

    Args:
        host: Gives the address of the workspace.

    Attributes:
        clients: Secret by client id; tests add to it.
        tokens: Tokens given so far.
    """

    def __init__(self, host: Callable[[], str]) -> None:
        self._host = host
        self.clients: dict[str, str] = {}
        self.tokens: set[str] = set()

    def routes(self) -> Iterable[Entry]:
        """Return the routes; they are open to all."""
        yield "GET", "/oidc/.well-known/oauth-authorization-server", self._endpoints
        yield "POST", "/oidc/v1/token", self._token

    def _endpoints(self, request: Request) -> Response:
        front = f"{self._host()}/oidc/v1"
        told = {"authorization_endpoint": f"{front}/authorize", "token_endpoint": f"{front}/token"}
        return Response(200, told)

    def _token(self, request: Request) -> Response:
        form = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
        if form.get("grant_type") != "client_credentials" or form.get("scope") != "all-apis":
            raise malformed(f"{request.path}: {form}")
        given = request.headers.get("authorization", "").removeprefix("Basic ")
        client_id, _, secret = base64.b64decode(given).decode().partition(":")
        if not secret or self.clients.get(client_id) != secret:
            told = {"error": "invalid_client", "error_description": "Client authentication failed"}
            return Response(401, told)
        token = secrets.token_hex(16)
        self.tokens.add(token)
        given_out = {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME}
        return Response(200, given_out)
