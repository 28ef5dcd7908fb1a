"""The webhook against a receiver: signed, well shaped, never redirected, silent on secrets."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ngm_assets.engine.duckdb import DuckDBEngine
from ngm_assets.monitoring.alerting.delivery import deliver
from ngm_assets.monitoring.alerting.sinks.base import DeliveryError, Link, Surroundings
from ngm_assets.monitoring.alerting.sinks.shapes import CARD, body_of
from ngm_assets.monitoring.alerting.sinks.webhook import WebhookOptions, WebhookSink
from ngm_assets_tests.monitoring.alerting.receiver import DROP, SILENCE, Receiver, receiving
from ngm_assets_tests.monitoring.alerting.tables import (
    NOON,
    TABLE,
    day,
    drift,
    message,
    run_alerts,
    settings_of,
    store,
    stored,
)

PATH = "/services/T00/very-secret-path"
KEY = "a key nobody should see"
SIGNED = {"secret_variable": "HOOK_KEY"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a receiver that runs during the test."""
    with receiving() as found:
        yield found


def webhook(environ: Mapping[str, str], **options: Any) -> WebhookSink:
    """Return a webhook whose address and key stand in HOOK and HOOK_KEY."""
    asked = WebhookOptions(address_variable="HOOK", **options)
    return WebhookSink(asked, Surroundings("local", Path(), True, environ))


def to(receiver: Receiver, **options: Any) -> WebhookSink:
    """Return a webhook that posts to the receiver."""
    return webhook({"HOOK": receiver.address + PATH, "HOOK_KEY": KEY}, **options)


def refusal(sink: WebhookSink) -> DeliveryError:
    """Return why a sink does not send, having looked for secrets in all it says."""
    with pytest.raises(DeliveryError) as refused:
        sink.send(message())
    said = "".join(traceback.format_exception(refused.value)) + repr(refused.value) + repr(sink)
    assert not any(secret in said for secret in (PATH, KEY, "hooks.example", "127.0.0.1:"))
    return refused.value


def test_the_receiver_can_tell_who_sent_it_and_that_nobody_changed_it(receiver: Receiver) -> None:
    to(receiver, **SIGNED).send(message())
    ((path, headers, body),) = receiver.posts
    assert path == PATH
    stamp = headers["x-ngm-timestamp"]
    assert int(stamp) == NOON.timestamp()
    signed = stamp.encode() + b"." + body
    digest = hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["x-ngm-signature"] == f"sha256={digest}"
    assert headers["content-type"].startswith("application/json")
    assert json.loads(body)["text"] == message().text
    assert KEY.encode() not in body


def test_without_a_key_nothing_is_signed(receiver: Receiver) -> None:
    to(receiver).send(message())
    assert not any(name.startswith("x-ngm") for name in receiver.posts[0][1])


def test_a_repeated_message_is_recognised_and_another_event_is_not(receiver: Receiver) -> None:
    sink = to(receiver)
    worse = message(event="escalated", changed_on=day(2))
    again = replace(worse, changed_on=day(3))
    for each in (message(), message(), worse, again):
        sink.send(each)
    keys = [headers["idempotency-key"] for _, headers, _ in receiver.posts]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert all("0123456789ab" in key for key in keys)


@pytest.mark.parametrize(
    ("status", "told", "again"),
    [
        (500, "The receiver answered 500.", True),
        (503, "The receiver answered 503.", True),
        (429, "The receiver answered 429.", True),
        (404, "The receiver answered 404.", False),
        (302, "The receiver redirects (302), which is not followed.", False),
        (307, "The receiver redirects (307), which is not followed.", False),
    ],
)
def test_an_answer_that_is_no_success(
    receiver: Receiver, status: int, told: str, again: bool
) -> None:
    receiver.answers = [status]
    error = refusal(to(receiver))
    assert (error.what, error.again) == (told, again)
    assert len(receiver.posts) == 1


def test_a_receiver_that_ends_the_connection_or_says_nothing(receiver: Receiver) -> None:
    receiver.answers = [DROP, SILENCE]
    assert "could not be sent" in refusal(to(receiver)).what
    error = refusal(to(receiver, timeout_seconds=0.2))
    assert (error.what, error.again) == ("The receiver did not answer within 0.2 s.", True)


def test_a_receiver_that_is_not_there() -> None:
    with receiving() as gone:
        sink = to(gone)
    assert refusal(sink).what == "The receiver refused the connection."


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("", "HOOK is not set"),
        ("http://hooks.example/x", "not https"),
        ("http://127.0.0.1.hooks.example/x", "not https"),
        ("ftp://hooks.example/x", "not https"),
        ("file:///etc/passwd", "no web address"),
        ("hooks.example/x", "no web address"),
        ("https://", "no web address"),
        ("https://[hooks.example", "no web address"),
        ("https://hooks.example:99999/", "no web address"),
        ("https://hooks.example/a b", "no web address"),
        ("https://hooks.example/a\nHost: b", "no web address"),
        ("https://who:pass@hooks.example/", "user name"),
        ("https://127.0.0.1:1@hooks.example/", "user name"),
    ],
)
def test_an_address_that_is_not_posted_to(address: str, told: str) -> None:
    error = refusal(webhook({"HOOK": address, "https_proxy": "http://127.0.0.1:1"}))
    assert told in error.what
    assert not error.again


def test_a_key_that_is_not_set_is_named_and_nothing_is_sent(receiver: Receiver) -> None:
    sink = webhook({"HOOK": receiver.address}, **SIGNED)
    assert "HOOK_KEY is not set" in refusal(sink).what
    assert receiver.posts == []


def test_a_fault_is_tried_again_and_no_secret_is_left_anywhere(
    receiver: Receiver,
    engine: DuckDBEngine,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answers = [500, 200, DROP, DROP]
    options = {"address_variable": "HOOK", "secret_variable": "HOOK_KEY"}
    sink = {"name": "team", "type": "webhook", "options": options}
    settings = settings_of(tmp_path, sink, attempts=2, close_after_days=1)
    store(engine, "drift_metrics", [drift(0, "severe"), drift(1)])
    environ = {"HOOK": receiver.address + PATH, "HOOK_KEY": KEY}
    waits: list[float] = []
    statuses = []
    for number in range(2):
        run_alerts(engine, settings, number, number)
        rows = deliver(engine, settings, day(number), NOON, waits.append, environ)
        statuses += [(row["event"], row["status"], row["attempts"]) for row in rows]
    assert statuses == [("opened", "delivered", 2), ("closed", "failed", 2)]
    assert waits == [2.0, 2.0]
    printed = capfd.readouterr()
    kept = repr(stored(engine, "alert_deliveries")) + repr(settings)
    for text in (printed.out, printed.err, caplog.text, kept):
        assert PATH not in text
        assert KEY not in text


def test_slack_gets_blocks_of_plain_text_within_its_limits() -> None:
    said = body_of(message(links=(Link("A & <B>", "https://x.example/t"),)), "slack")
    header, detail, facts, links = said["blocks"]
    assert header["text"] == {
        "type": "plain_text",
        "text": f"[local] severe: {TABLE} drifted",
        "emoji": False,
    }
    assert detail["text"]["text"] == "cost severe (PSI 0.31)"
    assert "alert: 0123456789ab" in facts["text"]["text"]
    assert links["elements"][0]["text"] == "<https://x.example/t|A &amp; &lt;B&gt;>"
    long = body_of(message(title="t" * 9000, detail="<!channel> " * 900), "slack")
    assert len(long["text"]) <= 3000
    assert "<!channel>" not in long["text"]
    lengths = [len(block["text"]["text"]) for block in long["blocks"]]
    assert lengths[0] == 150
    assert max(lengths) <= 3000
    assert len(body_of(message(detail=""), "slack")["blocks"]) == 2


def test_teams_gets_a_card_in_the_envelope_of_a_workflow() -> None:
    said = body_of(message(links=(Link("Table", "https://x.example/t"),)), "teams")
    (attachment,) = said["attachments"]
    card = attachment["content"]
    assert (said["type"], attachment["contentType"]) == ("message", CARD)
    assert (card["type"], card["actions"][0]["url"]) == ("AdaptiveCard", "https://x.example/t")
    texts = [run["text"] for block in card["body"] for run in block["inlines"]]
    assert texts[:2] == [f"[local] severe: {TABLE} drifted", "cost severe (PSI 0.31)"]
    long = body_of(message(title="é" * 9000, detail="é\n" * 9000, models=("é" * 9000,)), "teams")
    assert len(json.dumps(long).encode()) < 28 * 1024


@pytest.mark.parametrize("shape", ["json", "slack", "teams"])
def test_every_shape_can_be_posted(receiver: Receiver, shape: str) -> None:
    to(receiver, shape=shape).send(message(event="closed"))
    assert "recovered" in json.dumps(json.loads(receiver.posts[0][2]))
