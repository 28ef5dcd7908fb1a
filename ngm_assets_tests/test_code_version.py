"""The commit of the code, wherever git keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ngm_assets.code_version import VARIABLE, git_sha

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def _git(folder: Path, head: str) -> Path:
    (folder / ".git" / "refs" / "heads").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text(head + "\n", encoding="utf-8")
    return folder


def test_a_branch_a_packed_branch_and_a_bare_commit_are_read(tmp_path: Path) -> None:
    loose = _git(tmp_path / "a", "ref: refs/heads/main")
    (loose / ".git/refs/heads/main").write_text(SHA + "\n", encoding="utf-8")
    packed = _git(tmp_path / "b", "ref: refs/heads/main")
    (packed / ".git/packed-refs").write_text(f"# packed\n{SHA} refs/heads/main\n", encoding="utf-8")
    assert git_sha(loose) == git_sha(packed) == git_sha(_git(tmp_path / "c", SHA)) == SHA


def test_without_history_it_is_empty_unless_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert git_sha(tmp_path) == ""
    assert git_sha(_git(tmp_path / "new", "ref: refs/heads/main")) == ""
    monkeypatch.setenv(VARIABLE, SHA)
    assert git_sha(tmp_path) == SHA
