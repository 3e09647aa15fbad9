"""The benchmarks that come with vidal: each reads a small folder of its own format."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from tests.train.evaluate.given import Hashed, written
from vidal.engine.errors import ConfigError, MissingError
from vidal.resources import read_lines
from vidal.train.evaluate.benchmark import benchmark, names
from vidal.train.evaluate.data import Labelled
from vidal.train.evaluate.evaluation import evaluate
from vidal.train.evaluate.reading import read, templates

JSFUSION = (
    "key,vid_key,video_id,sentence\n"
    'ret0,msr9770,video9770,"a man, connecting ""something"""\n'
    "ret1,msr9771,video9771,a little girl\n"
)
CLOTHO = (
    "file_name,caption_1,caption_2,caption_3,caption_4,caption_5\nSanta Motor.wav,A.,B.,C.,D.,E.\nx (2).wav,F,G,H,I,J\n"
)
VGGSOUND = (
    "---g-f_I2yQ,1,people marching,test\n"
    '--0PQM4-hqg,30,"female speech, woman speaking",test\n'
    "A,5,toilet flushing,train\n"
)
FILES: dict[str, dict[str, str]] = {
    "msr-vtt-1k-a": {"MSRVTT_JSFUSION_test.csv": JSFUSION, "videos/video9770.mp4": "", "videos/video9771.webm": ""},
    "msr-vtt-1k-a-sound": {
        "MSRVTT_JSFUSION_test.csv": JSFUSION,
        **{"videos/video9770.mp4": "", "videos/video9771.mp4": "", "audio/video9771.wav": ""},
    },
    "msvd": {
        "AllVideoDescriptions.txt": "#  header\n\nv_1_5_9 a squirrel eats\nv_2_0_3 a man sings\n"
        "v_1_5_9 an animal\nv_3 x\n",
        "test_list.txt": "v_2_0_3\nv_1_5_9\n",
        **{"videos/v_1_5_9.avi": "", "videos/v_2_0_3.avi": ""},
    },
    "didemo": {
        "test_data.json": json.dumps(
            [
                {"video": "1@N_a.avi", "description": "a dog", "times": [[0, 1]]},
                {"video": "2@N_b.mov", "description": "a cat"},
                {"video": "1@N_a.avi", "description": "it runs"},
                {"video": "gone.avi", "description": "lost"},
            ]
        ),
        **{"videos/1@N_a.avi.mp4": "", "videos/2@N_b.mov": ""},
    },
    "activitynet": {
        "val_1.json": json.dumps(
            {"v_a": {"duration": 5.5, "sentences": ["One. ", " Two."]}, "v_b": {"sentences": ["x"]}}
        ),
        **{"videos/v_a.mp4": "", "videos/v_b.mkv": ""},
    },
    "clotho": {
        "clotho_captions_evaluation.csv": CLOTHO,
        **{"evaluation/Santa Motor.wav": "", "evaluation/x (2).wav": ""},
    },
    "audiocaps": {
        "test.csv": "audiocap_id,youtube_id,start_time,caption\n1,vfY_T,30,wind\n2,vfY_T,30,a storm\n3,_-x,0,rain\n",
        **{"audio/vfY_T_30.wav": "", "audio/_-x_0.flac": ""},
    },
    "ave": {
        "testSet.txt": "Category&VideoID&Quality&StartTime&EndTime\nChurch bell&RUh&good&0&10\n"
        "Male speech, man&x-y&good&0&9\n",
        **{"AVE/RUh.mp4": "", "AVE/x-y.mp4": "", "audio/RUh.wav": "", "audio/x-y.wav": ""},
    },
    "vggsound": {"vggsound.csv": VGGSOUND, "audio/---g-f_I2yQ_000001.flac": "", "audio/--0PQM4-hqg_000030.wav": ""},
    "vggsound-emergent": {
        "vggsound.csv": VGGSOUND,
        "emergent.txt": "--0PQM4-hqg_000030\n",
        **{"videos/--0PQM4-hqg_000030.mp4": "", "audio/--0PQM4-hqg_000030.flac": ""},
    },
    "audioset": {
        "eval_segments.csv": "# Segments csv\n# num_ytids=2\n# YTID, start_seconds, end_seconds, positive_labels\n"
        '--4gqARaEJE, 0.000, 10.000, "/m/068hy,/m/0bt9lr"\nz, 3.000, 13.000, "/m/0bt9lr"\n',
        "class_labels_indices.csv": 'index,mid,display_name\n0,/m/09x0r,"Speech"\n1,/m/0bt9lr,"Dog"\n'
        '2,/m/068hy,"Domestic animals, pets"\n',
        **{"audio/--4gqARaEJE.flac": "", "audio/z.flac": ""},
    },
    "esc-50": {
        "meta/esc50.csv": "filename,fold,target,category,esc10,src_file,take\n1-17-A-0.wav,1,0,can_opening,False,17,A\n"
        "1-18-A-0.wav,1,1,dog,True,18,A\n",
        **{"audio/1-17-A-0.wav": "", "audio/1-18-A-0.wav": ""},
    },
    "kinetics-400": {"val/air_drumming/a_000001_000011.mp4": "", "val/abseiling/b.mp4": ""},
    "kinetics-600": {"val/acting in play/a.mp4": "", "val/abseiling/b.mp4": ""},
    "nyu-v2": {"depth/dining_room/1.png": "", "depth/others/2.png": ""},
    "nyu-v2-joint": {
        f"{kind}/{scene}/{n}.{end}": ""
        for kind, end in (("depth", "png"), ("image", "jpg"))
        for scene in (
            *("bathroom", "bedroom", "bookstore", "classroom", "dining_room"),
            *("home_office", "kitchen", "living_room", "office", "others"),
        )
        for n in "12"
    },
    "nyu-v2-emergent": {f"{kind}/{scene}/1.png": "" for kind in ("depth", "image") for scene in ("office", "kitchen")},
    "llvip": {"thermal/background/1.jpg": "", "thermal/person/1.jpg": ""},
    "llvip-joint": {f"{kind}/{name}/1.jpg": "" for kind in ("thermal", "image") for name in ("background", "person")},
    "llvip-emergent": {f"{kind}/night/{n}.jpg": "" for kind in ("thermal", "image") for n in "12"},
    "flir-v1": {"thermal/dog/1.jpg": "", "thermal/car/1.jpg": "", "thermal/car/.hidden": ""},
    "flir-v2": {
        "classes.txt": "bike\tbicycle\ncar\tcar or pick-up trucks or vans\n",
        **{"thermal/car/1.jpg": "", "thermal/bike/1.jpg": ""},
    },
}
"""For each benchmark the files of a folder, small, in the format of the published ones."""


def shown(root: Path, data, modality: str) -> list[str]:
    return [media.path.relative_to(root).as_posix() for media in data.items.media[modality]]


@pytest.mark.parametrize("name", names())
def test_every_benchmark_is_measured_from_its_format(name, tmp_path):
    found = evaluate(benchmark(name), written(tmp_path, FILES[name]), Hashed(), Hashed())
    assert found.benchmark == name and found.measured == found.baseline and found.items
    compared = [pair for pair in benchmark(name).compare]
    assert len(found.measured) == len(compared) * (2 if benchmark(name).retrieval else 1)


def test_msr_vtt(tmp_path):
    data = read(benchmark("msr-vtt-1k-a"), written(tmp_path, FILES["msr-vtt-1k-a"]))
    assert data.items.ids == ("video9770", "video9771")
    assert data.texts == ('a man, connecting "something"', "a little girl") and data.owners == (0, 1)
    assert shown(tmp_path, data, "video") == ["videos/video9770.mp4", "videos/video9771.webm"]


def test_videos_without_sound_are_left_out_and_counted(tmp_path):
    data = read(benchmark("msr-vtt-1k-a-sound"), written(tmp_path, FILES["msr-vtt-1k-a-sound"]))
    assert data.items.ids == ("video9771",) and data.items.missing == 1 and data.texts == ("a little girl",)


def test_msvd_has_several_sentences_and_the_order_of_its_list(tmp_path):
    data = read(benchmark("msvd"), written(tmp_path, FILES["msvd"]))
    assert data.items.ids == ("v_2_0_3", "v_1_5_9")
    assert data.texts == ("a man sings", "a squirrel eats", "an animal") and data.owners == (0, 1, 1)
    assert benchmark("msvd").retrieval.found == "groups"


def test_didemo_joins_the_sentences_of_a_video_and_bounds_it(tmp_path):
    data = read(benchmark("didemo"), written(tmp_path, FILES["didemo"]))
    assert data.texts == ("a dog it runs", "a cat") and data.owners == (0, 1)
    assert shown(tmp_path, data, "video") == ["videos/1@N_a.avi.mp4", "videos/2@N_b.mov"]
    assert {media.seconds for media in data.items.media["video"]} == {(0, 31)} and data.items.missing == 1


def test_activitynet_has_a_paragraph(tmp_path):
    data = read(benchmark("activitynet"), written(tmp_path, FILES["activitynet"]))
    assert data.items.ids == ("v_a", "v_b") and data.texts == ("One. Two.", "x")


def test_clotho_has_five_captions(tmp_path):
    data = read(benchmark("clotho"), written(tmp_path, FILES["clotho"]))
    assert data.texts == ("A.", "B.", "C.", "D.", "E.", "F", "G", "H", "I", "J")
    assert data.owners == (0,) * 5 + (1,) * 5 and benchmark("clotho").retrieval.found == "rows"


def test_audiocaps_has_a_row_for_each_caption(tmp_path):
    data = read(benchmark("audiocaps"), written(tmp_path, FILES["audiocaps"]))
    assert data.items.ids == ("vfY_T_30", "_-x_0")
    assert data.texts == ("wind", "a storm", "rain") and data.owners == (0, 0, 1)


def test_audioset_has_several_classes_by_their_codes(tmp_path):
    data = read(benchmark("audioset"), written(tmp_path, FILES["audioset"]))
    assert data.classes == ("Speech", "Dog", "Domestic animals, pets") and data.labels == ((2, 1), (1,))


def test_vggsound_reads_its_test_split(tmp_path):
    data = read(benchmark("vggsound"), written(tmp_path, FILES["vggsound"]))
    assert isinstance(data, Labelled) and len(data.classes) == 309
    assert [data.classes[one] for (one,) in data.labels] == ["people marching", "female speech, woman speaking"]


def test_kinetics_has_folders_in_either_spelling_and_views(tmp_path):
    data = read(benchmark("kinetics-400"), written(tmp_path, FILES["kinetics-400"]))
    assert [data.classes[one] for (one,) in data.labels] == ["abseiling", "air drumming"] and len(data.classes) == 400
    assert [media.view for media in data.items.media["video"][15:17]] == [(0, 15), (1, 15)]


def test_a_header_is_no_row_and_a_hidden_file_no_item(tmp_path):
    ave = read(benchmark("ave"), written(tmp_path, FILES["ave"]))
    assert ave.items.ids == ("RUh", "x-y") and ave.items.missing == 0
    flir = read(benchmark("flir-v1"), written(tmp_path, FILES["flir-v1"]))
    assert flir.items.ids == ("car/1", "dog/1")


def test_classes_go_by_other_words(tmp_path):
    data = read(benchmark("flir-v2"), written(tmp_path, FILES["flir-v2"]))
    assert data.classes == ("bicycle", "car or pick-up trucks or vans") and data.labels == ((0,), (1,))
    esc = read(benchmark("esc-50"), written(tmp_path / "esc", FILES["esc-50"]))
    assert esc.classes == ("can opening", "dog")


def test_the_80_templates_are_those_of_clip():
    folder = Path(importlib.util.find_spec("open_clip").submodule_search_locations[0])
    spec = importlib.util.spec_from_file_location("metadata", folder / "zero_shot_metadata.py")
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    ours = read_lines("vidal:manifests/benchmarks/templates/clip.txt", Path())
    assert ours == [template("{}") for template in theirs.OPENAI_IMAGENET_TEMPLATES] and len(ours) == 80


def test_templates_speak_of_the_modality():
    first = {
        name: templates(benchmark(name).classification, Path())[0] for name in names() if benchmark(name).classification
    }
    assert first["kinetics-400"] == "a bad video of a {}." and first["llvip"] == "a bad photo of a {}."
    assert first["nyu-v2"] == "a bad depth photo of a {}." and first["esc-50"] == "a sound of {}."


def test_a_benchmark_of_ones_own(tmp_path):
    text = """
name: mine
title: My clips
origin: here
licence: mine
bring: clips
rows: {format: folders, path: clips}
id: "{class}/{file}"
media: {video: "clips/{class}/{file}"}
compare: [[video, text]]
classification: {label: class, templates: words.txt}
"""
    root = written(
        tmp_path, {"mine.yaml": text, "words.txt": "this is {}\n", "clips/ox/1.mp4": "", "clips/ass/1.mp4": ""}
    )
    found = evaluate(benchmark("mine.yaml", tmp_path), root, Hashed())
    assert found.title == "My clips" and found.measured[0].queries == 2 and found.stated_items is None


def test_an_unknown_name_is_told_those_that_are_known():
    with pytest.raises(
        MissingError, match=r"msr-vtt: no such benchmark; there are .*msr-vtt-1k-a.*, or give a YAML file"
    ):
        benchmark("msr-vtt")
    with pytest.raises(MissingError, match=r"mine\.yaml: not found"):
        benchmark("mine.yaml", Path("nowhere"))


@pytest.mark.parametrize("change, message", [
    ("retrieval: {texts: [sentence]}\n->", "one task"),
    ("texts: [sentence]->", "`compare` names text, but `retrieval.texts` no fields"),
    ("[text, video]->[text, audio]", "`compare` names audio, which `media` does not"),
    ("[text, video]->[video, video]", "pairs video with itself"),
    ("[text, video]->[text+video, video]", "`compare` names text"),
    ("{video_id}.*->{video_id.x}.*->", "fields are written {name}"),
    ("items: 1000->itms: 1000", "did you mean `items`"),
    ("retrieval: {texts: [sentence]}->classification: {label: x}", "texts have no classes"),
    ("items: 1000->seconds: [5, 5]", "the first less than the second"),
])  # fmt: skip
def test_a_wrong_description_is_refused_with_the_key(change, message, tmp_path):
    shipped = read_lines("vidal:manifests/benchmarks/msr-vtt-1k-a.yaml", Path())
    text = "\n".join(shipped) + "\n"
    old, new = change.split("->")[:2]
    assert old in text
    (tmp_path / "b.yaml").write_text(text.replace(old, new).replace("{video_id.x}", "{video_id:x}"))
    with pytest.raises(ConfigError, match=r"b\.yaml.*") as refusal:
        benchmark("b.yaml", tmp_path)
    assert message in str(refusal.value)
