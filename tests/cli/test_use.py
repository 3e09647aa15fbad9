"""The commands for trained models as a user meets them: what they print, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.train.data import world
from tests.train.use.made import stored


def hostile(number: int) -> world.Members:
    """Number 2 tries to colour a terminal."""
    return {**world.clip(number), "txt": b"\x1b[31mclip \xe2\x80\xae2" if number == 2 else f"clip {number}".encode()}


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> str:
    return str(world.folder(tmp_path_factory.mktemp("shards"), (4, 3), hostile))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return stored(tmp_path_factory.mktemp("model"), "depth")


@pytest.fixture
def config(shards, model, tmp_path) -> Path:
    tasks = [{"type": "retrieval", "shards": shards, "modality": "depth", "text": "raw", "among": 3}]
    told = {"models": {"depth": model}, "baseline": "demo:clip", "device": "cpu", "measure": tasks}
    (tmp_path / "eval.yaml").write_text(yaml.safe_dump(told))
    return tmp_path / "eval.yaml"


def test_eval_prints_a_table_and_writes_the_figures(vidal, config, tmp_path):
    code, out, _ = vidal("eval", config, "--out", tmp_path / "figures.json")
    assert code == 0 and "depth by raw, among 3" in out and "6 items, 6 texts" in out
    (line,) = [line for line in out.splitlines() if "text → depth" in line]
    (written,) = json.loads((tmp_path / "figures.json").read_text())
    figures = written["measured"][0]["figures"]
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells[:3] == ["text → depth", "R@1", f"{figures['R@1']:.1f}"]
    assert cells[4] == f"{written['baseline'][0]['figures']['R@1']:.1f}"
    code, out, _ = vidal("eval", config, "--json", "--set", "baseline=null")
    (printed,) = json.loads(out)
    assert code == 0 and printed["measured"] == written["measured"] and printed["baseline"] == []


def test_eval_says_what_is_wrong_in_one_message(vidal, config, tmp_path):
    for words, told in (
        (("eval", tmp_path / "absent.yaml"), "absent.yaml does not exist"),
        (("eval", config, "--set", "models.depth=nowhere"), "'nowhere' does not exist"),
        (("eval", config, "--set", "measure.0.among=64"), "`among` asks for 64"),
        (("eval", config, "--out", tmp_path / "no" / "f.json"), "there is no folder"),
        (("eval", config, "--set", "measure.0.shards=nowhere"), "nowhere: no .tar shards there"),
    ):
        code, out, err = vidal(*words)
        assert code == 2 and told in err and not out and "Traceback" not in err


def test_index_and_search(vidal, shards, model, tmp_path):
    file = tmp_path / "depth.index"
    code, out, _ = vidal("index", shards, "--model", model, "--out", file, "--device", "cpu")
    assert code == 0 and f"{file}: 7 samples, depth" in out
    code, out, _ = vidal("search", file, "a clip", "--k", 7)
    assert code == 0 and "\x1b" not in out and "\u202e" not in out
    assert all(world.key(number) in out and f"clip {number}" in out for number in range(7) if number != 2)
    code, out, _ = vidal("search", file, "a clip", "--k", 2, "--json")
    found = json.loads(out)
    assert code == 0 and len(found) == 2 and found[0]["score"] >= found[1]["score"]
    code, out, _ = vidal("inspect", found[0]["shard"], "--key", found[0]["key"])
    assert code == 0 and found[0]["key"] in out


def test_index_says_what_is_wrong_in_one_message(vidal, shards, model, tmp_path):
    file = tmp_path / "i"
    for words, told in (
        (("index", shards, "--model", "demo:clip", "--out", file), "does not say which modality"),
        (("index", shards, "--model", model, "--modality", "audio", "--out", file), "binds depth, not audio"),
        (("index", tmp_path, "--model", model, "--out", file), "no .tar shards"),
        (("index", shards, "--model", model, "--out", tmp_path), "is a folder"),
        (("search", file, "a"), "does not exist"),
    ):
        code, out, err = vidal(*words)
        assert code == 2 and told in err and not out and "Traceback" not in err
    assert not list(tmp_path.glob("i*"))


def test_export_writes_a_model_and_still_a_dataset_s_texts(vidal, model, tmp_path):
    code, out, _ = vidal("export", "languagebind", model, tmp_path / "out")
    assert code == 0 and out.strip() == str(tmp_path / "out") and (tmp_path / "out" / "model.safetensors").is_file()
    assert "exists already" in vidal("export", "languagebind", model, tmp_path / "out")[2]
    for words in (("export",), ("export", "vidal.yaml"), ("export", "texts", "vidal.yaml")):
        code, _, err = vidal(*words)
        assert code == 2 and "nothing to export; name a file with --annotations or --missing" in err
    code, _, err = vidal("export", tmp_path / "absent.yaml", "--annotations", tmp_path / "a.json")
    assert code == 2 and "absent.yaml does not exist" in err
    code, out, _ = vidal("export", "--help")
    assert code == 0 and "languagebind" in out and "texts" in out


@pytest.mark.slow
def test_processes_of_torchrun_print_what_one_prints(vidal, config):
    """The whole command, twice over: an import of torch in four processes."""
    alone = vidal("eval", config, "--json")[1]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*launcher, "-m", "vidal", "eval", str(config), "--json"],
        capture_output=True, text=True, timeout=300, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(alone)
