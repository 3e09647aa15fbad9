"""Names of checkpoints: where they lie, what they contain, what is said when they are absent."""

from __future__ import annotations

import os
import shutil
import socket

import pytest

from vidal import models
from vidal.engine.errors import ConfigError, MissingError
from vidal.models import checkpoints


def test_a_demo_name_is_the_packaged_folder():
    assert models.resolve("demo:clip") == checkpoints.DEMO_FOLDER / "clip"


@pytest.mark.parametrize("name", ["demo:nothing", "demo:", "demo:../train", "./no/such/folder", "no-name", "a/b/c"])
def test_an_absent_checkpoint_is_named_with_the_fix(name):
    with pytest.raises(MissingError, match="does not exist") as caught:
        models.resolve(name)
    assert repr(name) in str(caught.value)


def test_an_uncached_hub_id_stays_itself_and_offline_cannot_be_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert models.resolve("some-org/some-model") == "some-org/some-model"
    assert models.identity("some-org/some-model") == "some-org/some-model"
    with pytest.raises(MissingError, match=r"'some-org/some-model'.*vidal models fetch"):
        models.fetch("some-org/some-model")
    result = models.check("clip", "some-org/some-model")
    assert not result.ok and "some-org/some-model" in result.message and result.path is None


def test_a_hub_out_of_reach_is_one_message(tmp_path, monkeypatch):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = "http://{}:{}".format(*found.getsockname())
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    with pytest.raises(MissingError, match=r"'some-org/some-model'.*\(.*refused\).*vidal models fetch"):
        models.fetch("some-org/some-model")


def test_a_cached_hub_id_is_its_snapshot_and_its_identity_is_the_commit(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--some-org--some-model"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    shutil.copytree(models.resolve("demo:clip"), repository / "snapshots" / commit)
    assert models.resolve("some-org/some-model") == repository / "snapshots" / commit
    assert models.identity("some-org/some-model") == f"some-org/some-model@{commit}"
    assert models.check("clip", "some-org/some-model").ok


def test_identity_is_of_the_content_and_not_of_the_place(tmp_path):
    copies = [shutil.copytree(models.resolve("demo:depth"), tmp_path / name) for name in ("one", "two")]
    assert models.identity(str(copies[0])) == models.identity(str(copies[1])) == models.identity("demo:depth")
    (copies[1] / ".DS_Store").write_bytes(b"hidden")
    os.utime(copies[1] / "config.json", (1, 1))
    assert models.identity(str(copies[0])) == models.identity(str(copies[1]))
    config = copies[1] / "config.json"
    config.write_text(config.read_text().replace("metric", "nitric"))
    assert models.identity(str(copies[0])) != models.identity(str(copies[1]))


def test_identity_of_a_large_file_sees_its_ends_and_its_size(tmp_path):
    file = tmp_path / "weights.safetensors"
    found = []
    for at, size in ((None, 6 << 20), (0, 6 << 20), ((6 << 20) - 1, 6 << 20), (None, (6 << 20) + 1)):
        content = bytearray(size)
        if at is not None:
            content[at] = 1
        file.write_bytes(content)
        found.append(models.identity(str(file)))
    assert len(set(found)) == 4


def test_a_renamed_file_is_another_content(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    before = models.identity(str(tmp_path))
    (tmp_path / "a").rename(tmp_path / "b")
    assert models.identity(str(tmp_path)) != before


def test_an_unknown_role_is_refused():
    with pytest.raises(ConfigError, match=r"unknown role 'smell'.*clip, clap"):
        models.load("smell", "demo:clip")


def test_an_unknown_device_or_dtype_is_refused():
    with pytest.raises(ConfigError, match="unknown dtype 'float8'"):
        models.load("clip", "demo:clip", dtype="float8")
    with pytest.raises(ConfigError, match="unknown device 'abacus'"):
        models.load("clip", "demo:clip", device="abacus")
