"""The search for pickles: finds every disguise of one, and nothing in files that are none."""

from __future__ import annotations

import gzip
import importlib
import io
import json
import pickle
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from ngm_assets_tests.pickles import pickles_below, unsafe_flavors

VALUE = {"weights": [1.0, 2.0], "name": "model"}
SKLEARN = """
flavors:
  python_function: {loader_module: mlflow.sklearn, model_path: model.skops, predict_fn: predict}
  sklearn: {code: null, pickled_model: model.skops, serialization_format: skops}
"""


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zlib.compress])
def test_a_pickle_is_found_under_any_name(protocol: int, pack: type[bytes], tmp_path: Path) -> None:
    path = tmp_path / "deep" / "model.json"
    path.parent.mkdir()
    path.write_bytes(pack(pickle.dumps(VALUE, protocol=protocol)))
    assert pickles_below(tmp_path) == [path]


@pytest.mark.parametrize("name", ["model.pkl", "model.PICKLE", "a.joblib", "b.cloudpickle"])
def test_a_name_is_enough(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("nothing")
    assert pickles_below(tmp_path) == [tmp_path / name]


def test_a_joblib_dump_is_found(tmp_path: Path) -> None:
    joblib = importlib.import_module("joblib")
    joblib.dump({"array": np.arange(5.0)}, tmp_path / "plain.bin")
    joblib.dump({"array": np.arange(5.0)}, tmp_path / "packed.bin", compress=3)
    assert {path.name for path in pickles_below(tmp_path)} == {"plain.bin", "packed.bin"}


def test_a_member_of_an_archive_is_found_however_deep(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("data", pickle.dumps(VALUE))
    with zipfile.ZipFile(tmp_path / "model.skops", "w") as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("part/one.zip", inner.getvalue())
    assert pickles_below(tmp_path) == [tmp_path / "model.skops/part/one.zip/data"]


def test_an_array_of_objects_is_a_pickle_and_one_of_numbers_is_not(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}, None], dtype=object), allow_pickle=True)
    np.save(tmp_path / "numbers.npy", np.arange(3.0))
    np.save(tmp_path / "texts.npy", np.array(["a|O", "b"]))
    assert pickles_below(tmp_path) == [tmp_path / "objects.npy"]


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("serialization_format: skops", "serialization_format: cloudpickle"),
        ("pickled_model: model.skops", "pickled_model: model.pkl"),
        ("loader_module: mlflow.sklearn", "loader_module: mlflow.pyfunc.model"),
        ("predict_fn: predict", "python_model: thing"),
    ],
)
def test_a_flavor_that_would_unpickle_is_found(now: str, then: str, tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(SKLEARN.replace(now, then))
    assert pickles_below(tmp_path) == [tmp_path / "MLmodel"]
    assert [line.split(".", 1)[1] for line in unsafe_flavors(SKLEARN.replace(now, then))] == [then]


def test_honest_files_are_no_pickles(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(SKLEARN)
    (tmp_path / "a.json").write_text(json.dumps(VALUE))
    (tmp_path / "card.md").write_text("# A card\n\nIt ends with a full stop.")
    (tmp_path / "dot").write_text(".")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "data.gz").write_bytes(gzip.compress(b"plain words"))
    (tmp_path / "broken.gz").write_bytes(b"\x1f\x8bnothing")
    (tmp_path / "trees.ubj").write_bytes(b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner")
    assert pickles_below(tmp_path) == []
