"""What a fault that must be refused looks like: words that help, and nothing changed."""

from __future__ import annotations

from collections.abc import Sequence

from ngm_assets_tests.faults.child import Begun, Ended, in_child
from ngm_assets_tests.faults.home import Stage, Workshop
from ngm_assets_tests.faults.kills import verdict_of
from ngm_assets_tests.faults.picture import Picture, between, settings_of, take
from ngm_assets_tests.faults.verdict import Verdict, failed, unless

MEND = "mend:"


def refused(
    shop: Workshop,
    stage: Stage,
    words: Sequence[str],
    *,
    changed: Sequence[str] = (),
    readable: bool = True,
) -> Verdict:
    """Run a stage that has to fail with certain words and leave everything as it was.

    Args:
        shop: Where.
        stage: Which.
        words: What the error has to name, a way to mend it apart.
        changed: Tables that may change all the same, because nothing of theirs is broken.
        readable: Whether every table can be read meanwhile.
    """
    verdict = says(shop.run(stage), [*words, MEND])
    return verdict + unchanged(shop, stage, changed=changed, readable=readable)


def says(ended: Ended, words: Sequence[str]) -> Verdict:
    """Tell whether a run failed, and with these words; hanging or dying in silence is neither."""
    if ended.stuck:
        return failed("it hangs")
    if ended.result and ended.result["success"]:
        return failed("it was not refused")
    text = "\n".join(ended.result["problems"]) if ended.result else ended.error
    missing = [word for word in words if word not in text]
    return unless(not missing, f"the error does not say {missing}: {text[-600:]}")


def unchanged(
    shop: Workshop, stage: Stage, *, changed: Sequence[str] = (), readable: bool = True
) -> Verdict:
    """Tell whether tables and models are as before the stage."""
    known = shop.known[stage.name]

    def work(_: Begun) -> dict[str, object]:
        settings = settings_of(shop.home)
        after = {n: known.after.tables[n] if n in changed else bits for n, bits in _tables(known)}
        verdict = between(settings, known.before, Picture(after), readable=readable)
        if stage.models:
            found = take(settings, (), stage.models).versions
            verdict += unless(found == _plain(known.before.versions), "the versions changed")
        return verdict.as_dict()

    return verdict_of(work)


def _tables(known: object) -> list[tuple[str, str]]:
    before: Picture = known.before  # type: ignore[attr-defined]
    return list(before.tables.items())


def _plain(versions: object) -> object:
    import json

    return json.loads(json.dumps(versions))


def command(shop: Workshop, stage: Stage) -> Ended:
    """Run `ngm run` over the days of a stage, and return what it printed as a failed run."""

    def work(_: Begun) -> dict[str, object]:
        import contextlib
        import io

        from ngm_assets.cli.app import main

        told = io.StringIO()
        first, last = stage.first.isoformat(), stage.last.isoformat()
        words = ["run", "--from", first, "--to", last, "--landing", str(shop.landing)]
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            code = main([*words, "--home", str(shop.home), "--models", ",".join(stage.models)])
        return {"success": code == 0, "problems": [told.getvalue()]}

    return in_child(work)
