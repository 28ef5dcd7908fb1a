"""Tells alerts to a web address: plain, to Slack or to Teams, signed where a secret is given."""

from __future__ import annotations

import hashlib
import hmac
import json
from ipaddress import ip_address
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, Field

from ngm_assets.monitoring.alerting.sinks.base import (
    DeliveryError,
    Message,
    SinkOptions,
    Surroundings,
)
from ngm_assets.monitoring.alerting.sinks.shapes import Shape, body_of

if TYPE_CHECKING:
    from urllib.request import OpenerDirector, Request

VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
PASSING = (408, 425, 429)
"""Refusals that may be over at the next attempt."""


class WebhookOptions(SinkOptions):
    """Options of the webhook sink; addresses of webhooks are secrets, so only names stand here.

    Attributes:
        address_variable: Environment variable that holds the address.
        secret_variable: Environment variable that holds the key of the signature; None = unsigned.
        shape: json, slack or teams.
        timeout_seconds: Longest silence of the receiver that is waited for.
    """

    address_variable: str = Field(pattern=VARIABLE)
    secret_variable: str | None = Field(default=None, pattern=VARIABLE)
    shape: Shape = "json"
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)


class WebhookSink:
    """Posts JSON. Redirects are not followed, and an address must be https or on this machine.

    `X-NGM-Signature` is `sha256=` and the hexadecimal HMAC-SHA256 of `X-NGM-Timestamp` (seconds
    since 1970), a dot and the body. `Idempotency-Key` is the same when a message comes again.
    """

    Options: ClassVar[type[BaseModel]] = WebhookOptions

    def __init__(self, options: WebhookOptions, surroundings: Surroundings) -> None:
        self._options = options
        self._surroundings = surroundings

    def send(self, message: Message) -> None:
        """Post a message.

        Raises:
            DeliveryError: A variable is not set or holds no such address, nobody answers in time,
                or the answer is not a success. It names variables, never what they hold.
        """
        from urllib.request import Request

        options = self._options
        text = self._variable(options.address_variable)
        address = _address(text, options.address_variable)
        body = json.dumps(body_of(message, options.shape), sort_keys=True).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "ngm_assets",
            "Idempotency-Key": message.key,
        }
        if options.secret_variable is not None:
            headers |= signature(self._variable(options.secret_variable), message, body)
        request = Request(text, data=body, headers=headers, method="POST")  # noqa: S310 (checked)
        _judge(_posted(request, _opener(address), options.timeout_seconds))

    def _variable(self, name: str) -> str:
        value = self._surroundings.environ.get(name, "").strip()
        if not value:
            raise DeliveryError(f"The environment variable {name} is not set.", again=False)
        return value


def signature(secret: str, message: Message, body: bytes) -> dict[str, str]:
    """Return the headers by which the receiver knows the sender."""
    stamp = str(int(message.at.timestamp()))
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
    return {"X-NGM-Timestamp": stamp, "X-NGM-Signature": f"sha256={digest.hexdigest()}"}


def _address(text: str, variable: str) -> SplitResult:
    """Return the parts of an address that may be posted to.

    Raises:
        DeliveryError: It is none.
    """
    try:
        address = urlsplit(text)
        known = bool(address.hostname) and address.port != 0
    except ValueError:
        known = False
    if not known or not text.isascii() or not text.isprintable() or " " in text:
        raise DeliveryError(f"{variable} holds no web address.", again=False)
    if address.username is not None or address.password is not None:
        raise DeliveryError(f"The address in {variable} holds a user name.", again=False)
    if address.scheme != "https" and not (address.scheme == "http" and _loopback(address)):
        raise DeliveryError(f"The address in {variable} is not https.", again=False)
    return address


def _loopback(address: SplitResult) -> bool:
    host = address.hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _opener(address: SplitResult) -> OpenerDirector:
    """Return what speaks http and https, through the proxy of the process, and follows nothing."""
    from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler

    opener = OpenerDirector()
    opener.add_handler(ProxyHandler({} if _loopback(address) else None))
    opener.add_handler(HTTPHandler())
    opener.add_handler(HTTPSHandler())
    return opener


def _posted(request: Request, opener: OpenerDirector, timeout: float) -> int:
    """Post and return the status of the answer.

    Raises:
        DeliveryError: There was none. What the libraries say is left out: it may hold the address.
    """
    from http.client import HTTPException

    try:
        with opener.open(request, timeout=timeout) as answer:
            return int(answer.status)
    except (OSError, HTTPException, ValueError) as error:
        raise DeliveryError(_told(error, timeout)) from None


def _told(error: Exception, timeout: float) -> str:
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError):
        return f"The receiver did not answer within {timeout:g} s."
    if isinstance(cause, ConnectionRefusedError):
        return "The receiver refused the connection."
    return f"The message could not be sent: {type(cause).__name__}."


def _judge(status: int) -> None:
    """Refuse an answer that is not a success.

    Raises:
        DeliveryError: It is a redirect, a refusal or a fault.
    """
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise DeliveryError(
            f"The receiver redirects ({status}), which is not followed.", again=False
        )
    again = status >= 500 or status in PASSING
    raise DeliveryError(f"The receiver answered {status}.", again=again)
