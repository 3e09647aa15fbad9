"""A shard set is indexed and searched, and what is found is what a comparison of all finds."""

from __future__ import annotations

import io
from pathlib import Path

import faiss
import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.train.data import world
from tests.train.use.made import stored
from vidal.engine.errors import ConfigError, MissingError
from vidal.train.evaluate.embedder import unit
from vidal.train.modalities import modality
from vidal.train.use import index as indexing
from vidal.train.use.index import SHOWN, index, search
from vidal.train.use.loading import load
from vidal.train.use.samples import Samples

COUNT = 11


def sample(number: int) -> world.Members:
    """Number 4 has no text, number 6 a damaged picture."""
    members = world.pair(number)
    if number == 4:
        del members["txt"]
    return {**members, "jpg": b"no picture"} if number == 6 else members


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> str:
    return str(world.folder(tmp_path_factory.mktemp("shards"), (5, COUNT - 5), sample))


@pytest.fixture(scope="module")
def name(tmp_path_factory) -> str:
    return stored(tmp_path_factory.mktemp("image"), "image")


@pytest.fixture(scope="module")
def written(shards, name, tmp_path_factory) -> Path:
    """An index, written in blocks of four rows."""
    file = tmp_path_factory.mktemp("index") / "new" / "pictures.index"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexing, "BLOCK", 4)
        patch.setattr(indexing, "BATCH", 3)
        found = index(shards, "image", name, file, "cpu")
    assert found.samples == 10 and dict(found.skipped) == {"NotMedia": 1}
    return file


def test_the_best_are_those_that_a_comparison_of_all_finds(written, shards, name, monkeypatch):
    monkeypatch.setattr(indexing, "BLOCK", 4)
    towers = load({"image": name}, "cpu")
    samples = list(Samples(shards, modality("image"), towers.vision("image"), SHOWN, text_needed=False))
    vectors = unit(towers.tensors("image", [one.pixels for one in samples]))
    scores = vectors @ unit(towers.texts(["a red circle"]))[0]
    hits = search(written, "a red circle", 5, "cpu")
    order = np.argsort(-scores)[:5]
    assert [hit.key for hit in hits] == [samples[place].key for place in order]
    assert np.allclose([hit.score for hit in hits], scores[order], atol=1e-6)
    for hit in hits:
        number = int(hit.key[1:])
        assert hit.text == ("" if number == 4 else f"picture {number}")
        assert Path(hit.shard).name == f"s-{int(number >= 5):06d}.tar"
    assert len(search(written, "a red circle", 99, "cpu")) == 10


def test_the_file_is_the_one_that_faiss_writes(written, shards, name):
    read = faiss.read_index(str(written))
    whole = faiss.IndexFlatIP(read.d)
    whole.add(read.reconstruct_n(0, read.ntotal))
    assert faiss.serialize_index(whole).tobytes() == written.read_bytes()
    assert np.allclose(np.linalg.norm(read.reconstruct_n(0, read.ntotal), axis=1), 1, atol=1e-6)
    assert [pq.ParquetFile(f"{written}.parquet").metadata.row_group(n).num_rows for n in range(3)] == [4, 4, 2]


def test_the_same_again_is_the_same_bytes(written, shards, name, tmp_path, monkeypatch):
    monkeypatch.setattr(indexing, "BLOCK", 4)
    monkeypatch.setattr(indexing, "BATCH", 64)
    index(shards, "image", name, tmp_path / "again", "cpu")
    assert (tmp_path / "again").read_bytes() == written.read_bytes()
    assert Path(f"{tmp_path}/again.parquet").read_bytes() == Path(f"{written}.parquet").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "again.parquet"]


def test_an_index_of_a_model_that_has_changed_is_refused(shards, tmp_path):
    name = stored(tmp_path / "model", "image")
    index(shards, "image", name, tmp_path / "i", "cpu")
    stored(tmp_path / "model", "image", lora_r=1)
    with pytest.raises(ConfigError, match="not the model any more"):
        search(tmp_path / "i", "a", 1, "cpu")


def test_what_is_no_index_is_one_message(written, shards, name, tmp_path):
    with pytest.raises(MissingError, match="does not exist"):
        search(tmp_path / "absent", "a")
    rows = Path(f"{written}.parquet").read_bytes()
    (tmp_path / "i.parquet").write_bytes(rows)
    (tmp_path / "i").write_bytes(b"no index")
    with pytest.raises(ConfigError, match="no index that can be read"):
        search(tmp_path / "i", "a", 1, "cpu")
    other = faiss.IndexFlatIP(3)
    other.add(np.ones((2, 3), np.float32))
    faiss.write_index(other, str(tmp_path / "i"))
    with pytest.raises(ConfigError, match="belongs to another index"):
        search(tmp_path / "i", "a", 1, "cpu")
    (tmp_path / "i.parquet").write_bytes(b"no rows")
    with pytest.raises(ConfigError, match="none that `vidal index` wrote"):
        search(tmp_path / "i", "a", 1, "cpu")


def test_a_failed_index_leaves_the_one_before(written, name, tmp_path):
    broken = world.folder(tmp_path / "shards", (2,), lambda n: {**world.pair(n), "jpg": b"none"})
    (tmp_path / "i").write_bytes(b"before")
    with pytest.raises(ConfigError, match=r"no sample can be read as image.*NotMedia.*2"):
        index(str(broken), "image", name, tmp_path / "i", "cpu")
    assert (tmp_path / "i").read_bytes() == b"before" and not list(tmp_path.glob(".i*"))


def test_a_header_is_faiss_s_own_for_any_width():
    for width in (1, 7, 768):
        whole = faiss.IndexFlatIP(width)
        whole.add(np.zeros((3, width), np.float32))
        expected = faiss.serialize_index(whole).tobytes()
        made = io.BytesIO(indexing._header(width, 3) + bytes(4 * 3 * width)).getvalue()
        assert made == expected
