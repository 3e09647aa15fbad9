"""A folder of hostile files through `harvest/media`: a row each, and the sums are right."""

from __future__ import annotations

import os
from collections import Counter

import pyarrow.parquet as pq

from tests.media.hostile.test_headers import BOXES
from tests.media.hostile.test_polyglots import OTHERS
from tests.media.hostile.test_references import LISTS
from tests.whole.local import Project


def test_each_file_is_a_row_of_the_ledger(tmp_path, made, good, canary):
    project = Project(tmp_path)
    project.configure(tolerance=1)
    lists = {name: text.format(path=canary.path, address=canary.address).encode() for name, text in LISTS.items()}
    bad = {**BOXES, **OTHERS, **lists, "half": bytes(made("mp4")[: len(made("mp4")) // 2])}
    fine = {"good": good[0].read_bytes(), **{name: bytes(made(name)) for name in ("mp4", "webm", "avi")}}
    clips = tmp_path / "clips"
    clips.mkdir()
    for number, data in enumerate([*bad.values(), *fine.values()]):
        (clips / f"{number:03}.mp4").write_bytes(data)
        (clips / f"{number:03}.txt").write_text("Two words for a clip")
    before = {path: path.read_bytes() for path in clips.iterdir()}

    done = project.vidal("build", "--stage", "terms", "--stage", "harvest")
    assert done.returncode == 0 and "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    parts = sorted((tmp_path / "w/harvest/media").glob("*.parquet"))
    rows = [row for part in parts for row in pq.read_table(part, use_threads=False).to_pylist()]
    assert Counter(row["status"] for row in rows) == {"ok": len(fine), "failed": len(bad)}
    assert len({row["id"] for row in rows}) == len(rows) == len(bad) + len(fine)
    assert {row["error_class"] for row in rows if row["status"] == "failed"} == {"NotMedia", "Truncated"}
    assert {path: path.read_bytes() for path in clips.iterdir()} == before
    assert sorted(os.listdir(tmp_path)) == ["clips", "vidal.yaml", "w"]
    assert not canary.touched()
