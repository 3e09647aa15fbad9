"""What is wrong in a user's files is told with the file, the line and the fix."""

from __future__ import annotations

import json

import pytest

from tests.train.evaluate.given import Hashed, written
from vidal.engine.errors import ConfigError, MissingError
from vidal.train.evaluate.benchmark import benchmark
from vidal.train.evaluate.evaluation import evaluate
from vidal.train.evaluate.reading import read, templates

HEAD = "key,vid_key,video_id,sentence\n"
CASES = {
    "a row with a cell too many": (
        "msr-vtt-1k-a",
        {"MSRVTT_JSFUSION_test.csv": HEAD + "r,m,v1,a, b\n"},
        r"test\.csv:2: 5 cells, not 4 \(key, ",
    ),
    "a column that is absent": (
        "msr-vtt-1k-a",
        {"MSRVTT_JSFUSION_test.csv": "key,video,sentence\nr,v1,a\n"},
        r"test\.csv:2: no field 'video_id', only 'key', 'video'",
    ),
    "an empty text": (
        "msr-vtt-1k-a",
        {"MSRVTT_JSFUSION_test.csv": HEAD + "r,m,v1,a\nr,m,v1, \n", "videos/v1.mp4": ""},
        r"test\.csv:3: 'sentence' holds no text",
    ),
    "a quote left open": (
        "msr-vtt-1k-a",
        {"MSRVTT_JSFUSION_test.csv": HEAD + 'r,m,v1,"a\n'},
        r"test\.csv:\d: not a table: ",
    ),
    "no rows": ("msr-vtt-1k-a", {"MSRVTT_JSFUSION_test.csv": HEAD}, r"test\.csv holds no rows for msr-vtt-1k-a"),
    "a name that leads elsewhere": (
        "msr-vtt-1k-a",
        {"MSRVTT_JSFUSION_test.csv": HEAD + "r,m,../../etc/passwd,a\n"},
        r"test\.csv:2: 'video_id' is '\.\./\.\./etc/passwd', which is no name",
    ),
    "a name that is the folder above": (
        "msr-vtt-1k-a",
        {"MSRVTT_JSFUSION_test.csv": HEAD + "r,m,..,a\n"},
        r"'video_id' is '\.\.', which is no name",
    ),
    "two files for an item": (
        "msr-vtt-1k-a",
        {"MSRVTT_JSFUSION_test.csv": HEAD + "r,m,v1,a\n", "videos/v1.mp4": "", "videos/v1.webm": ""},
        r"several files for 'v1': v1\.mp4, v1\.webm",
    ),
    "an id of the list that is not annotated": (
        "msvd",
        {"AllVideoDescriptions.txt": "v_1 a man\n", "test_list.txt": "v_1\nv_9\n"},
        r"test_list\.txt:2: 'v_9' is not in .*AllVideoDescriptions\.txt",
    ),
    "a name without a sentence": (
        "msvd",
        {"AllVideoDescriptions.txt": "v_1\n", "test_list.txt": "v_1\n", "videos/v_1.avi": ""},
        r"Descriptions\.txt:1: 'text' holds no text",
    ),
    "broken JSON": ("didemo", {"test_data.json": '[{"video": "a"},\n{]'}, r"test_data\.json:2: not JSON: "),
    "JSON of another kind": ("didemo", {"test_data.json": "3"}, r"test_data\.json: neither a list nor an object"),
    "an entry of another kind": (
        "didemo",
        {"test_data.json": '[{"video": "a", "description": "b"}, 7]'},
        r"test_data\.json: entry 2 is no object but 7",
    ),
    "JSON nested without end": ("didemo", {"test_data.json": "[" * 100000}, r"test_data\.json: nested too deeply"),
    "a list with no text in it": (
        "activitynet",
        {"val_1.json": json.dumps({"v_a": {"sentences": ["x", None]}}), "videos/v_a.mp4": ""},
        r"val_1\.json: entry 'v_a', sentences 2: 'sentences' holds no text but None",
    ),
    "an empty list": (
        "activitynet",
        {"val_1.json": json.dumps({"v_a": {"sentences": []}}), "videos/v_a.mp4": ""},
        r"entry 'v_a': 'sentences' is an empty list",
    ),
    "a class nobody knows": (
        "vggsound",
        {"vggsound.csv": "a,1,singing dogs,test\n", "audio/a_000001.wav": ""},
        r"vggsound\.csv:1: 'singing dogs' is no class of vggsound",
    ),
    "a row below comments": (
        "audioset",
        {"eval_segments.csv": "# a\n# b\na, 0.0, 10.0, /m/1\nb, 0.0\n"},
        r"eval_segments\.csv:4: 2 cells, not 4",
    ),
    "a second row of an item": (
        "esc-50",
        {"meta/esc50.csv": "filename,category\na.wav,dog\na.wav,cat\n", "audio/a.wav": ""},
        r"esc50\.csv:3: a second row of the item at .*esc50\.csv:2",
    ),
    "a class twice": (
        "flir-v2",
        {"classes.txt": "car\tcar\ncar\tvan\n", "thermal/car/1.jpg": ""},
        r"classes\.txt:2: 'car' is a class already",
    ),
    "a folder that is no class": (
        "llvip",
        {"thermal/cat/1.jpg": ""},
        r"thermal/cat/1\.jpg: 'cat' is no class of llvip",
    ),
}


@pytest.mark.parametrize("name, files, message", CASES.values(), ids=CASES)
def test_what_is_wrong_is_told(name, files, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        read(benchmark(name), written(tmp_path, files))


def test_what_is_no_text_is_told_with_its_line(tmp_path):
    (tmp_path / "AllVideoDescriptions.txt").write_bytes(b"v_1 a man\nv_2 caf\xe9\n")
    with pytest.raises(ConfigError, match=r"AllVideoDescriptions\.txt:2: not UTF-8 text"):
        read(benchmark("msvd"), tmp_path)


def test_absent_annotations_folders_and_files_are_told_with_what_to_bring(tmp_path):
    mine = benchmark("msr-vtt-1k-a")
    needs = r"; MSR-VTT, split 1k-A needs MSRVTT_JSFUSION_test\.csv, and videos/"
    with pytest.raises(MissingError, match=r"MSRVTT_JSFUSION_test\.csv does not exist" + needs):
        read(mine, tmp_path)
    written(tmp_path, {"MSRVTT_JSFUSION_test.csv": HEAD + "r,m,v1,a\nr,m,v2,b\n"})
    with pytest.raises(MissingError, match=r"videos is no folder that can be read: .*" + needs):
        read(mine, tmp_path)
    written(tmp_path, {"videos/v1.mp4": ""})
    with pytest.raises(MissingError, match=r"1 of 2 items lack a file, the first videos/v2\.\*" + needs):
        read(mine, tmp_path)


def test_files_that_get_lost_may_not_all_be_lost(tmp_path):
    written(tmp_path, {"val_1.json": json.dumps({"v_a": {"sentences": ["x"]}}), "videos/other.mp4": ""})
    with pytest.raises(MissingError, match="1 of 1 items lack a file"):
        read(benchmark("activitynet"), tmp_path)


@pytest.mark.parametrize("line", ["a photo", "{} and {}", "# nothing"])
def test_a_template_without_one_place_for_the_name_is_refused(line, tmp_path):
    written(tmp_path, {"words.txt": f"{line}\n"})
    task = benchmark("llvip").classification.model_copy(update={"templates": "words.txt"})
    with pytest.raises(ConfigError, match=r"words\.txt: .* is no template"):
        templates(task, tmp_path)


def test_texts_with_braces_and_percent_signs_are_only_texts(tmp_path):
    written(tmp_path, {
        "MSRVTT_JSFUSION_test.csv": HEAD + "r,m,v%s{0},{x.__class__} [red]%d\n", "videos/v%s{0}.mp4": "",
    })  # fmt: skip
    found = evaluate(benchmark("msr-vtt-1k-a"), tmp_path, Hashed())
    assert found.items == 1
