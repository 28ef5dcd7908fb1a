"""What a webhook is sent: plain JSON, a Slack message, or a Teams card."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from ngm_assets.monitoring.alerting.sinks.base import Message, one_line, shortened

Shape = Literal["json", "slack", "teams"]
SLACK_HEADER, SLACK_SECTION = 150, 3000
"""Characters Slack takes in a header and in a section; it refuses the message beyond."""
TEAMS_TEXT = 1000
"""Characters per text of a card; Teams refuses messages above 28 KB, and JSON takes 6 for an é."""
CARD = "application/vnd.microsoft.card.adaptive"
COLOURS = {"moderate": "Warning", "severe": "Attention", "critical": "Attention"}


def body_of(message: Message, shape: Shape) -> dict[str, Any]:
    """Return what is posted for a message."""
    shapes: dict[str, Callable[[Message], dict[str, Any]]] = {
        "json": Message.fields,
        "slack": slack,
        "teams": teams,
    }
    return shapes[shape](message)


def slack(message: Message) -> dict[str, Any]:
    """Return blocks and a fallback text; found texts are plain, so that none can mention people.

    Source: docs.slack.dev, reference of Block Kit.
    """
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(shortened(message.headline, SLACK_HEADER))}
    ]
    if message.detail:
        blocks.append({"type": "section", "text": _plain(shortened(message.detail, SLACK_SECTION))})
    facts = "\n".join(f"{name}: {value}" for name, value in message.facts.items())
    blocks.append({"type": "section", "text": _plain(shortened(facts, SLACK_SECTION))})
    if message.links:
        links = " · ".join(f"<{link.url}|{_escaped(link.title)}>" for link in message.links)
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": links}]})
    return {"text": shortened(_escaped(message.text), SLACK_SECTION), "blocks": blocks}


def teams(message: Message) -> dict[str, Any]:
    """Return an Adaptive Card in the envelope of a Power Automate workflow's webhook.

    Found texts are text runs, in which nothing is read as Markdown.

    Source: adaptivecards.io, schema 1.4; learn.microsoft.com, webhooks of Teams workflows.
    """
    colour = "Good" if message.event == "closed" else COLOURS.get(message.severity, "Default")
    body = [_run(message.headline, weight="Bolder", size="Medium", color=colour)]
    if message.detail:
        body.append(_run(message.detail))
    body += [_run(f"{name}: {value}") for name, value in message.facts.items()]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": shortened(message.headline, TEAMS_TEXT),
        "body": body,
        "actions": [
            {"type": "Action.OpenUrl", "title": link.title, "url": link.url}
            for link in message.links
        ],
    }
    attachment = {"contentType": CARD, "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> str:
    """Return a text in which Slack finds no markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _run(text: str, **style: str) -> dict[str, Any]:
    run = {"type": "TextRun", "text": shortened(one_line(text), TEAMS_TEXT), **style}
    return {"type": "RichTextBlock", "inlines": [run]}
