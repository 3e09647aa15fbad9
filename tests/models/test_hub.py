"""Downloads from a hub: a server on this machine that speaks what huggingface_hub asks for."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import open_clip
import pytest
from safetensors.torch import save_file

from tests import tiny
from vidal import models
from vidal.engine.errors import MissingError

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with an empty cache before it: a dictionary of repositories to fill, files by name."""
    repositories: dict[str, dict[str, bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            parts = self.path.partition("?")[0].strip("/").split("/")
            if parts[:2] == ["api", "models"] and "/".join(parts[2:4]) in repositories:
                files = repositories["/".join(parts[2:4])]
                listed = [{"rfilename": name, "type": "file", "path": name, "size": 1, "oid": "0"} for name in files]
                name, tree = "/".join(parts[2:4]), parts[4:5] == ["tree"]
                self.answer(json.dumps(listed if tree else {"id": name, "sha": COMMIT, "siblings": listed}).encode())
            elif parts[2:3] == ["resolve"] and parts[4] in repositories.get("/".join(parts[:2]), {}):
                self.answer(repositories["/".join(parts[:2])][parts[4]])
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.end_headers()

        def answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
    yield repositories
    server.shutdown()
    server.server_close()


@pytest.fixture
def tag(tmp_path, monkeypatch):
    """A tag of open_clip's list, and the safetensors that its repository should have."""
    tiny.architecture(tmp_path, "vidal-hub")
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "vidal-hub", {"tag": {"hf_hub": "some-org/tiny/"}})
    save_file(tiny.clip_weights("vidal-hub"), tmp_path / "weights.safetensors")
    return "open_clip:vidal-hub:tag", (tmp_path / "weights.safetensors").read_bytes()


def test_a_tag_is_fetched_once_as_safetensors(hub, tag):
    name, weights = tag
    hub["some-org/tiny"] = {
        "open_clip_model.safetensors": weights,
        "open_clip_pytorch_model.bin": b"",
        "model.safetensors": b"",
    }
    assert models.resolve(name) == name
    path = models.fetch(name)
    assert path.read_bytes() == weights and [file.name for file in path.parent.iterdir()] == [path.name]
    assert models.identity(name) == f"{name}@{COMMIT}"
    hub.clear()
    assert models.fetch(name) == path and models.check("clip", name).ok


def test_a_tag_whose_repository_lacks_its_weights_is_one_message(hub, tag):
    hub["some-org/tiny"] = {"README.md": b"gone"}
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
    hub["some-org/words"] = {part: (models.resolve("demo:clip") / part).read_bytes() for part in parts}
    hub["some-org/words"]["model.safetensors"] = b"not wanted"
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
    hub["some-org/model"] = dict.fromkeys(files, b"{}")
    assert models.resolve("some-org/model") == "some-org/model"
    folder = models.fetch("some-org/model")
    assert {file.name for file in folder.iterdir()} == wanted
    hub.clear()
    assert models.resolve("some-org/model") == models.fetch("some-org/model") == folder
    assert models.identity("some-org/model") == f"some-org/model@{COMMIT}"
    (folder / min(wanted)).unlink()
    assert models.resolve("some-org/model") == "some-org/model", "half a download is no checkpoint"
