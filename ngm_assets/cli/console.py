"""How the command line looks: progress bars, tables, trees and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ngm_assets.redaction import redacted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from rich.tree import Tree

    from ngm_assets.doctor.observation import Observation
    from ngm_assets.errors import NgmError
    from ngm_assets.lineage import Branch

Told = Callable[[str, int, int], None]
PIPED_WIDTH = 140
MOST_NAMES = 3
"""Assets a finding names."""


class Bars:
    """One progress bar per stage, on standard error."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._open: TaskID | None = None

    def stage(self, title: str) -> Told:
        """Open a bar and return what moves it: (what ended, how many ended, how many there are)."""
        self.close()
        task = self._progress.add_task(title, total=None, step="")
        self._open = task

        def told(step: str, done: int, total: int) -> None:
            self._progress.update(task, completed=done, total=total, step=step)

        return told

    def close(self) -> None:
        """Fill the bar that is still open."""
        if self._open is not None:
            total = self._progress.tasks[self._open].total or 1
            self._progress.update(self._open, completed=total, total=total, step="")


@contextmanager
def progress(machine: bool) -> Iterator[Bars]:
    """Show progress while the block runs; nothing is drawn for machines."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    drawn = Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[step]}"),
        console=Console(stderr=True, quiet=machine),
    )
    with drawn:
        bars = Bars(drawn)
        yield bars
        bars.close()


def show_error(error: NgmError) -> None:
    """Print an error with its place and remedy on standard error, without a traceback."""
    from rich.console import Console

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"[bold red]{type(error).__name__}[/]: ", end="")
    console.print(redacted(str(error)), markup=False)


def new_table(title: str, *columns: str) -> Any:
    """Return an empty table; its first column is never wrapped."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=not table.columns)
    return table


def show(*things: Any) -> None:
    """Print on standard output, wide enough for tables where it is no terminal."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, PIPED_WIDTH))
    for thing in things:
        console.print(thing)


def show_models(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the models."""
    table = new_table(
        "Models",
        "model",
        "champion",
        "as of",
        "metric",
        "holdout",
        "baseline",
        "verdict on the newest",
    )
    for row in rows:
        champion = f"v{row['champion']}" if row["champion"] else "none"
        span = f" [{number(row['low'])}, {number(row['high'])}]" if row["low"] is not None else ""
        table.add_row(
            row["model"],
            champion,
            row["champion_as_of"] or row["newest_as_of"] or "",
            row["metric"],
            number(row["value"]) + span,
            number(row["baseline"]),
            row["verdict"],
        )
    show(table)


def number(value: float | None) -> str:
    """Return a number in four digits, or a dash."""
    return "-" if value is None else f"{value:.4g}"


def show_run(result: Mapping[str, Any]) -> None:
    """Print the summary of a run."""
    jobs = new_table("Runs", "job", "result", "checks passed", "warned", "failed")
    for run in result["runs"]:
        checks = run["checks"]
        word = "[green]succeeded" if run["success"] else "[red]failed"
        jobs.add_row(run["job"], word, *(str(checks[k]) for k in ("passed", "warned", "failed")))
    tables = new_table("Tables", "table", "rows")
    for name, rows in result["tables"].items():
        tables.add_row(name, f"{rows:,}")
    show(jobs, tables)
    show_models(result["models"])
    show(_alerts(result["alerts"]))
    for alert in result["monitoring_alerts"]:
        show(f"[bold]{alert['severity']}[/] alert {alert['alert_id']}: {alert['title']}")
    _show_findings(result["runs"])
    for failed in result["failed_models"]:
        version, since = failed["champion"], failed["champion_as_of"]
        goes_on = f"v{version}, as of {since}, goes on" if version else "no version can go on"
        show(f"[bold red]{failed['model']}[/] failed to train; {goes_on} scoring.")
    show(f"Home: {result['home']}")


def _alerts(rows: Sequence[Mapping[str, Any]]) -> Any:
    from rich.markup import escape

    table = new_table("Most severe predictions", "model", "day", "severity", "score", "what to do")
    for row in rows:
        action = row["recommended_action"] or ", ".join(row["entity"].values())
        table.add_row(
            row["model"], row["day"], row["severity"], number(row["score"]), escape(action)
        )
    return table


def _show_findings(runs: Sequence[Mapping[str, Any]]) -> None:
    from rich.markup import escape

    grouped: dict[tuple[str, bool, str], list[str]] = {}
    for run in runs:
        for check in run["failed_checks"]:
            same = (check["check"], check["warn"], redacted(check["description"]))
            grouped.setdefault(same, []).append(check["asset"])
    for (check, warn, text), assets in grouped.items():
        word = "[yellow]WARN[/]" if warn else "[red]ERROR[/]"
        names = list(dict.fromkeys(assets))
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        show(f"{word} [bold]{check}[/] {', '.join(names[:MOST_NAMES])}{more}: {escape(text)}")
    for run in runs:
        for problem in run["problems"]:
            message = escape(redacted(problem["message"]))
            show(f"[bold red]{problem['step']}[/] {problem['kind']}: {message}")


def show_incidents(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the ranks of planted incidents."""
    table = new_table(
        "Planted incidents", "model", "kind", "entity", "day", "score", "rank", "top 1 %"
    )
    for row in rows:
        table.add_row(
            row["model"],
            row["kind"],
            row["entity"],
            row["day"],
            number(row["score"]),
            f"{row['rank']} of {row['scored']}",
            "yes" if row["in_top"] else "no",
        )
    show(table)


def show_observations(seen: Sequence[Observation]) -> None:
    """Print what `ngm doctor` saw."""
    from rich.markup import escape

    table = new_table("Doctor", "", "what", "found", "how to mend it")
    marks = {True: "[green]ok", False: "[red]bad", None: "[yellow]note"}
    for item in seen:
        table.add_row(marks[item.ok], item.subject, escape(item.found), escape(item.mend))
    show(table)


def show_validity(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print what `ngm config validate` found."""
    from rich.markup import escape

    table = new_table("Environments", "environment", "", "found")
    for row in rows:
        mark = "[green]ok" if row["ok"] else "[red]bad"
        table.add_row(row["environment"], mark, escape(redacted(row["found"])))
    show(table)


def show_settings(values: Mapping[str, Any]) -> None:
    """Print settings as YAML."""
    import yaml
    from rich.syntax import Syntax

    text = redacted(yaml.safe_dump(dict(values), sort_keys=False))
    show(Syntax(text, "yaml", background_color="default"))


def show_lineage(up: Branch, down: Branch) -> None:
    """Print both directions as trees."""
    show(_tree("made of", up), _tree("used by", down))


def _tree(title: str, branch: Branch) -> Tree:
    from rich.tree import Tree

    tree = Tree(f"[bold]{branch.label}[/] {title}")
    _grow(tree, branch)
    return tree


def _grow(tree: Tree, branch: Branch) -> None:
    for child in branch.branches:
        _grow(tree.add(child.label.replace(".*", " (rows)")), child)
