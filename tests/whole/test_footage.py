"""Real footage: clips cut from three films, built with the template for one's own clips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.docs.footage import film
from tests.whole.local import Project
from vidal.harvest.candidate import safe_id
from vidal.media.depth_png import decode_depth
from vidal.media.ffmpeg import ffmpeg_binary, run_ffmpeg
from vidal.media.images import decode_image
from vidal.media.sound import decode_audio

CUTS = {
    "cyclists-1.mp4": ("bikes", 0.0, 2.5, "Cyclists ride through the city", ".json"),
    "cyclists-2.mp4": ("bikes", 3.04, 2.4, "A street with bicycles", ".json"),
    "riders/The_last_riders.mkv": ("bikes", 7.48, 2.1, "The last riders", None),
    "rabbit-1.mp4": ("bigbuckbunny", 0.0, 2.5, "A rabbit wakes up", ".json"),
    "rabbit-2.mov": ("bigbuckbunny", 2.6, 2.5, "Das Häschen auf der Wiese", ".txt"),
    "phone-1.mp4": ("carphone_pristine", 0.0, 2.0, "A man talks in a car", ".json"),
    "phone-2.mp4": ("carphone_pristine", 2.0, 2.0, "The man talks on", ".txt"),
}
"""Clip: film, start and length in seconds, title, and the sidecar that says it (None: the clip's own name does)."""
SIZES = {"bikes": (602, 256), "bigbuckbunny": (456, 256), "carphone_pristine": (344, 256)}
"""Width and height of a normalised picture: from 640x272, 1280x720, and 176x144 with pixels of 128:117."""
SERIES = {f"{kind}{number}.{ending}" for kind, ending in (("frm", "jpg"), ("dep", "png"), ("tml", "jpg"))
          for number in range(8)}  # fmt: skip
KEYS = {name: safe_id("clips", name) for name in CUTS}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A folder with the cuts, and with one of them under a second name."""
    made = Project(tmp_path_factory.mktemp("footage"))
    for name, (source, start, length, title, sidecar) in CUTS.items():
        clip = made.folder / "clips" / name
        clip.parent.mkdir(parents=True, exist_ok=True)
        span = ["-ss", str(start), "-i", str(film(source)), "-t", str(length)]
        run_ffmpeg([ffmpeg_binary(), "-v", "error", *span, "-preset", "veryfast", "-crf", "16", str(clip)], 60)
        if sidecar:
            texts = {"title": title, "hashtags": ["film"], "licence": "unknown"}
            clip.with_suffix(sidecar).write_text(json.dumps(texts) if sidecar == ".json" else title, encoding="utf-8")
    (made.folder / "clips" / "twin.mp4").write_bytes((made.folder / "clips" / "cyclists-1.mp4").read_bytes())
    return made


@pytest.fixture(scope="module")
def steps(project: Project) -> dict[str, dict[str, Any]]:
    """What the steps of the build reported."""
    init = project.vidal("init", "local-videos")
    assert init.returncode == 0, init.stdout + init.stderr
    return {step["step"]: step for step in project.json("build", "--runner", "local")["steps"]}


@pytest.fixture(scope="module")
def shards(project: Project, steps: dict) -> Path:
    return project.folder / "workspaces" / "local-videos" / "shards"


@pytest.fixture(scope="module")
def samples(shards: Path) -> dict[str, dict[str, bytes]]:
    """The members of every sample by its key, as stock webdataset reads them."""
    webdataset = pytest.importorskip("webdataset")
    urls = [str(path) for path in sorted(shards.glob("*.tar"))]
    return {
        sample["__key__"]: {name: data for name, data in sample.items() if not name.startswith("__")}
        for sample in webdataset.WebDataset(urls, shardshuffle=False)
    }


def test_every_clip_is_in_the_verified_shards(project: Project, shards: Path) -> None:
    found = project.json("inspect", str(shards), "--verify")
    assert found["problems"] == [] and found["samples"] == len(CUTS)


def test_a_twin_is_rejected_as_a_duplicate_and_nothing_else_is_lost(steps: dict, samples: dict) -> None:
    assert {name: step["rejected"] for name, step in steps.items() if step["rejected"]} == {
        "filter/verdicts": {"duplicate": 1}
    }
    assert not any(step["failed"] for step in steps.values())
    assert set(samples) == set(KEYS.values())


def test_stock_webdataset_decodes_them(shards: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    urls = [str(path) for path in sorted(shards.glob("*.tar"))]
    pairs = list(webdataset.WebDataset(urls, shardshuffle=False).decode("pilrgb").to_tuple("frm0.jpg", "txt"))
    assert {text for _, text in pairs} == {title for *_, title, _ in CUTS.values()}
    assert {image.size for image, _ in pairs} == set(SIZES.values())


@pytest.mark.parametrize("name", CUTS)
def test_a_sample_is_whole_and_says_what_its_sidecar_says(name: str, samples: dict) -> None:
    source, _, length, title, sidecar = CUTS[name]
    sample = samples[KEYS[name]]
    sound = {"flac"} if source == "bigbuckbunny" else set()
    assert set(sample) == SERIES | sound | {"mp4", "json", "txt", "raw.txt"}
    assert sample["txt"].decode("utf-8") == title
    record = json.loads(sample["json"])
    described = sidecar == ".json"
    assert record["hashtags"] == (["film"] if described else [])
    assert record["origin"]["licence"] == ("unknown" if described else None)
    assert record["origin"]["url"] == name
    assert abs(record["probe"]["seconds"] - length) < 0.1


@pytest.mark.parametrize("name", CUTS)
def test_depth_and_infrared_are_those_of_the_frames(name: str, samples: dict) -> None:
    sample, (width, height) = samples[KEYS[name]], SIZES[CUTS[name][0]]
    for number in range(8):
        depth, heat = decode_depth(sample[f"dep{number}.png"]), decode_image(sample[f"tml{number}.jpg"])
        assert decode_image(sample[f"frm{number}.jpg"]).shape == heat.shape == (height, width, 3)
        assert depth.shape == (height, width) and 0 < depth.min() < depth.max() <= 10_000
        assert depth.std() > 0 and heat.std() > 0


def test_the_keyframes_show_the_cut_they_come_from(samples: dict) -> None:
    """Of the pictures at which the cuts begin, taken from the films themselves, the sample's own is the nearest."""
    begun = {name: thumbnail(picture(film(source), start)) for name, (source, start, *_) in CUTS.items()}
    for name, key in KEYS.items():
        frame = thumbnail(decode_image(samples[key]["frm0.jpg"]))
        distances = {other: float(np.abs(frame - seen).mean()) for other, seen in begun.items()}
        assert min(distances, key=distances.__getitem__) == name
        assert distances[name] < 4, "levels of 255, on average"


@pytest.mark.parametrize("name", [name for name in CUTS if name.startswith("rabbit")])
def test_the_sound_is_as_long_as_the_clip(name: str, samples: dict) -> None:
    sound, rate = decode_audio(samples[KEYS[name]]["flac"])
    assert rate == 16_000 and abs(len(sound) / rate - CUTS[name][2]) < 0.1
    assert np.abs(sound).max() > 0.01


def picture(path: Path, second: float) -> np.ndarray:
    """The first picture of a film from an instant on, as uint8 [H, W, 3] RGB."""
    import av

    with av.open(str(path)) as container:
        found = next(frame for frame in container.decode(video=0) if frame.time >= second - 1e-3)
        return found.to_ndarray(format="rgb24")


def thumbnail(rgb: np.ndarray) -> np.ndarray:
    """A picture as float32 [32, 32, 3]."""
    from PIL import Image

    return np.asarray(Image.fromarray(rgb).resize((32, 32), Image.Resampling.BOX), np.float32)
