from __future__ import annotations

import pickle
import subprocess
import sys

import pyarrow as pa
import pytest

from vidal.engine.errors import ConfigError, MissingError
from vidal.engine.workspace import TEMPORARY, Workspace


def test_what_is_written_is_read(workspace):
    workspace.write_bytes("a/b.bin", b"\0\xff")
    workspace.write_json("a/c.json", {"b": "é", "a": 1})
    workspace.write_table("a/t.parquet", pa.table({"x": [1, 2]}), {"state": "s"})
    assert workspace.read_bytes("a/b.bin") == b"\0\xff" and workspace.size("a/b.bin") == 2
    assert workspace.read_bytes("a/c.json") == '{\n  "a": 1,\n  "b": "é"\n}\n'.encode()
    assert workspace.read_json("a/c.json") == {"a": 1, "b": "é"}
    assert workspace.read_table("a/t.parquet", ["x"]).to_pydict() == {"x": [1, 2]}
    assert workspace.table_metadata("a/t.parquet")["state"] == "s"
    assert workspace.list("a") == ["b.bin", "c.json", "t.parquet"]


def test_what_is_absent_is_said_to_be(workspace):
    assert not workspace.exists("a") and workspace.size("a") is None and workspace.list("nowhere") == []
    assert workspace.table_metadata("a.parquet") == {}
    workspace.remove("a")
    with pytest.raises(MissingError, match=r"a\.json is missing"):
        workspace.read_json("a.json")


def test_a_write_that_fails_leaves_nothing(workspace):
    with pytest.raises(RuntimeError), workspace.create("a/x.bin") as stream:
        stream.write(b"half")
        raise RuntimeError
    assert not workspace.exists("a/x.bin") and workspace.list("a") == []


def test_a_write_that_fails_leaves_what_was_there(workspace):
    workspace.write_bytes("x.bin", b"whole")
    with pytest.raises(RuntimeError), workspace.create("x.bin") as stream:
        stream.write(b"half")
        raise RuntimeError
    assert workspace.read_bytes("x.bin") == b"whole"


def test_a_file_is_not_visible_before_it_is_whole(workspace):
    with workspace.create("a/x.bin") as stream:
        stream.write(b"half")
        stream.flush()
        assert not workspace.exists("a/x.bin") and workspace.list("a") == []
    assert workspace.read_bytes("a/x.bin") == b"half"


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "", "a/.."])
def test_nothing_outside_can_be_named(workspace, name):
    for act in (workspace.read_bytes, workspace.exists, workspace.remove, lambda n: workspace.write_bytes(n, b"")):
        with pytest.raises(ConfigError, match="not a path inside"):
            act(name)


def test_a_pickled_workspace_is_the_same_place(workspace):
    workspace.write_bytes("x", b"1")
    assert pickle.loads(pickle.dumps(workspace)).read_bytes("x") == b"1"


def test_left_over_temporary_files_are_swept_and_no_others(folder, tmp_path):
    folder.write_bytes("a/kept", b"1")
    stray = tmp_path / "w" / "a" / f"{TEMPORARY}1234-x.tar"
    stray.write_bytes(b"half")
    assert folder.list("a") == ["kept"]
    folder.sweep()
    assert not stray.exists() and folder.read_bytes("a/kept") == b"1"


def test_a_second_build_is_refused_while_the_first_holds_the_lock(folder):
    code = "import sys; from vidal.engine.workspace import Workspace\nwith Workspace(sys.argv[1]).lock(): print('held')"
    with folder.lock():
        second = subprocess.run([sys.executable, "-c", code, folder.url], capture_output=True, text=True)
        assert second.returncode and "another build is writing" in second.stderr and "held" not in second.stdout
    third = subprocess.run([sys.executable, "-c", code, folder.url], capture_output=True, text=True)
    assert third.stdout.strip() == "held"


def test_a_place_that_cannot_be_written_is_a_configuration_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be written .*--set workspace"):
        Workspace(str(tmp_path / "file" / "w")).check_writable()


def test_checking_a_place_leaves_nothing_in_it(workspace):
    workspace.write_bytes("x", b"")
    workspace.check_writable()
    assert [name.rsplit("/", 1)[-1] for name in workspace.fs.find(workspace.root)] == ["x"]


def test_an_unknown_filesystem_is_a_configuration_error():
    with pytest.raises(ConfigError, match="nosuch://bucket"):
        Workspace("nosuch://bucket/w")


def test_a_column_that_is_not_there_is_one_message(workspace):
    workspace.write_table("a/x.parquet", pa.table({"id": ["s"], "tags": [["t"]]}))
    assert workspace.read_table("a/x.parquet", columns=["tags"]).to_pydict() == {"tags": [["t"]]}
    with pytest.raises(MissingError, match=r"a/x\.parquet has no column seen: another version"):
        workspace.read_table("a/x.parquet", columns=["id", "seen"])
