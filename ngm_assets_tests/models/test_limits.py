"""What a registry takes: whatever is told, the tags of a version are few, short and well named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngm_assets.models.registry.limits import (
    GROUPS,
    MAX_KEY,
    MAX_TAG,
    RESERVED,
    packed,
    shortened,
    taken,
    unpacked,
)

NAMES = st.text(min_size=1, max_size=300)
FRONTS = st.sampled_from(["", *GROUPS.values()])
KEYS = st.tuples(FRONTS, NAMES).map("".join).filter(lambda name: name not in GROUPS)
TAGS = st.dictionaries(KEYS, st.text(max_size=1500), max_size=60)


@given(TAGS)
def test_every_tag_fits_whatever_is_told(tags: dict[str, str]) -> None:
    for name, text in packed(tags).items():
        assert 0 < len(name) <= MAX_KEY and not RESERVED.search(name)
        assert 0 < len(text) <= MAX_TAG
        assert (name, text) == (name.strip(), text.strip())


@given(st.dictionaries(NAMES, st.text(max_size=4), max_size=8))
def test_the_members_of_a_group_come_back_as_they_were_under_any_name(
    members: dict[str, str],
) -> None:
    tags = {f"class_{name[:40]}": text for name, text in members.items()}
    assert unpacked(packed(tags)) == tags


@given(st.integers(0, 500))
def test_a_group_too_long_loses_its_last_members(count: int) -> None:
    tags = {f"rows_part_{number:03d}": str(number) for number in range(count)}
    left = unpacked(packed(tags))
    assert list(left) == list(tags)[: len(left)]
    assert len(left) == count or len(left) > 30


@given(st.text(), st.integers(1, 20))
def test_a_text_is_cut_only_when_it_is_too_long(text: str, limit: int) -> None:
    found = shortened(text, limit)
    assert len(found) <= limit
    assert found == text.strip() or found.endswith("…")


@pytest.mark.parametrize("name", ["mlflow.source", "dagster/run", "scikit-learn", "a=b", "a,b:c"])
def test_names_lose_what_unity_catalog_reserves(name: str) -> None:
    (found,) = taken({name: "x"})
    assert found == name.translate(str.maketrans("./-=,:", "______"))


def test_tags_of_versions_made_before_are_read_as_they_are() -> None:
    tags = {"rows_refit": "3", "library_numpy": "2", "as_of": "2026-05-04"}
    assert unpacked(tags) == tags
