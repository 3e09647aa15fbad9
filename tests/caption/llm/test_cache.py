from __future__ import annotations

import uuid

import pyarrow as pa
import pytest

from vidal.caption.llm.asks import Reply
from vidal.caption.llm.cache import Cache, file_of, forget
from vidal.engine.workspace import Workspace

NAME = "ab" + "0" * 62
REPLY = Reply("In the video, “a dog”.", "stop", False, 3, None)


@pytest.fixture(params=["local", "memory"])
def workspace(request, tmp_path):
    return Workspace(str(tmp_path) if request.param == "local" else f"memory://{uuid.uuid4()}")


def test_what_is_written_is_read_wherever_the_workspace_lies(workspace):
    cache = Cache(workspace)
    assert cache.read(NAME) is None and not cache.has(NAME)
    cache.write(NAME, REPLY)
    assert Cache(workspace).read(NAME) == REPLY and cache.has(NAME)
    assert workspace.list("cache/llm/ab") == [f"{NAME}.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"text"', b'{"text": 1}', b'{"text": "a", "more": 1}', b"\xff", b"[" * 99999],
)
def test_a_file_that_holds_no_response_is_none(workspace, content):
    workspace.write_bytes(file_of(NAME), content)
    assert Cache(workspace).read(NAME) is None


def test_the_responses_of_a_forgotten_sample_go_and_no_others(workspace):
    cache = Cache(workspace)
    names = [f"{number:02d}" + "0" * 62 for number in range(4)]
    for name in names:
        cache.write(name, REPLY)
    rows = {"id": ["a", "b", "c"], "responses": [names[:2], names[2:3], None]}
    workspace.write_table("caption/refine/rows.parquet", pa.table(rows))
    workspace.write_table("caption/video/rows.parquet", pa.table({"id": ["a"]}))
    forget(workspace, "caption/refine/rows.parquet", {"a", "c"})
    forget(workspace, "caption/video/rows.parquet", {"a"})
    assert [cache.has(name) for name in names] == [False, False, True, True]
    forget(workspace, "caption/refine/rows.parquet", {"a"})
