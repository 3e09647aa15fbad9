"""Downloads from a hub: what is taken of a repository, resume, checksums, and what is said where that fails."""

from __future__ import annotations

import json
import os

import open_clip
import pytest
from safetensors.torch import save_file

from tests import tiny
from tests.hub import COMMIT, LARGE, point, serving
from vidal import models
from vidal.engine.errors import MissingError


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with an empty cache before it."""
    with serving() as found:
        point(monkeypatch, found, tmp_path / "hub")
        yield found


@pytest.fixture
def tag(tmp_path, monkeypatch):
    """A tag of open_clip's list, and the safetensors that its repository should have."""
    tiny.architecture(tmp_path, "vidal-hub")
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "vidal-hub", {"tag": {"hf_hub": "some-org/tiny/"}})
    save_file(tiny.clip_weights("vidal-hub"), tmp_path / "weights.safetensors")
    return "open_clip:vidal-hub:tag", (tmp_path / "weights.safetensors").read_bytes()


def test_a_tag_is_fetched_once_as_safetensors(hub, tag):
    name, weights = tag
    hub.repositories["some-org/tiny"] = {
        "open_clip_model.safetensors": weights,
        "open_clip_pytorch_model.bin": b"",
        "model.safetensors": b"",
    }
    assert models.resolve(name) == name
    path = models.fetch(name)
    assert path.read_bytes() == weights and [file.name for file in path.parent.iterdir()] == [path.name]
    assert models.identity(name) == f"{name}@{COMMIT}"
    hub.repositories.clear()
    assert models.fetch(name) == path and models.check("clip", name).ok


def test_a_tag_whose_repository_lacks_its_weights_is_one_message(hub, tag):
    hub.repositories["some-org/tiny"] = {"README.md": b"gone"}
    with pytest.raises(
        MissingError, match=r"some-org/tiny has no open_clip_model.safetensors and no open_clip_pytorch"
    ):
        models.fetch(tag[0])


def test_an_architecture_fetches_its_tokenizer_and_no_weights_of_it(hub, tmp_path):
    text = {**tiny.CLIP["text_cfg"], "hf_tokenizer_name": "some-org/words", "vocab_size": 507}
    (tmp_path / "hub-words.json").write_text(json.dumps({**tiny.CLIP, "text_cfg": text}))
    open_clip.add_model_config(tmp_path / "hub-words.json")
    file = tmp_path / "weights.safetensors"
    save_file(tiny.clip_weights("hub-words"), file)
    parts = ("tokenizer.json", "tokenizer_config.json")
    hub.repositories["some-org/words"] = {part: (models.resolve("demo:clip") / part).read_bytes() for part in parts}
    hub.repositories["some-org/words"]["model.safetensors"] = b"not wanted"
    assert models.fetch(f"open_clip:hub-words:{file}") == file
    assert models.identity(f"open_clip:hub-words:{file}").endswith(f"+some-org/words@{COMMIT}")
    assert {found.name for found in (tmp_path / "hub").rglob("snapshots/*/*")} == set(parts)
    assert models.check("clip", f"open_clip:hub-words:{file}").ok


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"a.json", "model.safetensors", "pytorch_model.bin", "tf_model.h5"}, {"a.json", "model.safetensors"}),
        ({"config.json", "pytorch_model.bin", "flax_model.msgpack"}, {"config.json", "pytorch_model.bin"}),
        ({"model.safetensors", "pytorch_model.bin", "open_clip_pytorch_model.bin"},
         {"model.safetensors", "open_clip_pytorch_model.bin"}),
        ({"model.safetensors", "open_clip_model.safetensors", "open_clip_pytorch_model.bin"},
         {"model.safetensors", "open_clip_model.safetensors"}),
    ],
)  # fmt: skip
def test_a_repository_is_fetched_without_what_no_role_needs(files, wanted, hub):
    hub.repositories["some-org/model"] = dict.fromkeys(files, b"{}")
    assert models.resolve("some-org/model") == "some-org/model"
    folder = models.fetch("some-org/model")
    assert {file.name for file in folder.iterdir()} == wanted
    hub.repositories.clear()
    assert models.resolve("some-org/model") == models.fetch("some-org/model") == folder
    assert models.identity("some-org/model") == f"some-org/model@{COMMIT}"
    (folder / min(wanted)).unlink()
    assert models.resolve("some-org/model") == "some-org/model", "half a download is no checkpoint"


LARGE_FILE = os.urandom(3 * LARGE)


def fetched(name: str = "some-org/model") -> bytes:
    """The weights of a repository, downloaded."""
    return (models.fetch(name) / "model.safetensors").read_bytes()


def test_a_cut_connection_goes_on_where_it_broke(hub):
    hub.repositories["some-org/model"] = {"config.json": b"{}", "model.safetensors": LARGE_FILE}
    hub.faults["model.safetensors"] = ["cut"]
    assert fetched() == LARGE_FILE
    assert [asked for asked in hub.asked if asked[0] == "model.safetensors"] == [
        ("model.safetensors", None),
        ("model.safetensors", f"bytes={len(LARGE_FILE) // 2}-"),
    ]


def test_a_download_that_ended_goes_on_where_it_ended(hub):
    """As after a kill: the second call knows of the first what lies on the disk."""
    hub.repositories["some-org/model"] = {"config.json": b"{}", "model.safetensors": LARGE_FILE}
    hub.faults["model.safetensors"] = ["cut", "refuse"]
    with pytest.raises(MissingError, match="503"):
        fetched()
    [parcel] = models.missing("some-org/model")
    assert parcel.left == len(LARGE_FILE) // 2 and parcel.size == len(LARGE_FILE) + 2
    hub.asked.clear()
    assert fetched() == LARGE_FILE
    assert hub.asked == [("model.safetensors", f"bytes={len(LARGE_FILE) // 2}-")]
    assert models.missing("some-org/model") == []


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_is_not_what_the_hub_says_is_refused_and_removed(hub, name, tmp_path):
    hub.repositories["some-org/model"] = {"config.json": b'{"a": 1}', "model.safetensors": LARGE_FILE}
    hub.faults[name] = ["spoil"]
    with pytest.raises(MissingError, match=rf"'some-org/model'.*{name} came with another checksum"):
        fetched()
    assert not [file for file in (tmp_path / "hub").rglob("*.part")]
    assert fetched() == LARGE_FILE


def test_what_is_left_of_another_file_is_written_over(hub, tmp_path):
    hub.repositories["some-org/model"] = {"config.json": b"{}", "model.safetensors": LARGE_FILE}
    [parcel] = models.missing("some-org/model")
    blobs = tmp_path / "hub" / "models--some-org--model" / "blobs"
    blobs.mkdir(parents=True)
    weights = next(file for file in parcel.files if file.name == "model.safetensors")
    (blobs / f"{weights.digest}.part").write_bytes(bytes(len(LARGE_FILE) + 5))
    assert fetched() == LARGE_FILE


@pytest.mark.parametrize(
    ("repository", "says"),
    [("some-org/gated", r"gated.*HF_TOKEN"), ("some-org/nothing", r"not on the hub.*HF_TOKEN")],
)
def test_a_repository_that_is_not_given_is_one_message_with_the_fix(hub, repository, says):
    hub.repositories["some-org/gated"] = {"config.json": b"{}"}
    hub.gated.add("some-org/gated")
    with pytest.raises(MissingError, match=rf"'{repository}' is .*{says}") as caught:
        models.fetch(repository)
    assert "\n" not in str(caught.value)


def test_a_disk_without_room_is_told_before_anything_is_asked_for(hub, monkeypatch):
    hub.repositories["some-org/model"] = {"model.safetensors": LARGE_FILE}
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 100})())
    with pytest.raises(MissingError, match=r"still to be downloaded.*HF_HOME"):
        fetched()
    assert hub.asked == []
