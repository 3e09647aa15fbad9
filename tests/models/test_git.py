"""GIT, of pictures and of clips, with prompts and without."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.models.image_text import tiny
from vidal import models
from vidal.engine.errors import ConfigError
from vidal.models.options import Options


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A GIT of clips, which reads three frames of each and says words alone, without an end."""
    folder = tiny.git(tmp_path_factory.mktemp("git"), frames=3)
    file = folder / "generation_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "suppress_tokens": list(range(6))}))
    return str(folder)


def load(checkpoint, **options):
    return models.load("video_captioner", checkpoint, device="cpu", options=Options(max_tokens=8, **options))


def test_hints_are_heard_where_the_prompt_has_a_place_for_them(checkpoint, company):
    clips, hints = [company[:8]] * 2, ["Watch this green star #star", "two"]
    plain, told = (load(checkpoint, prompt=prompt).caption_video(clips, hints) for prompt in (None, "a {hints}"))
    assert plain[0] == plain[1] and told[0] != told[1]
    assert load(checkpoint).caption_video(clips, ["", ""]) == plain


def test_a_caption_does_not_repeat_its_prompt(checkpoint, company):
    model = load(checkpoint, prompt="a red {hints}")
    for text in model.caption_video([company[:8], company[3:6]], ["star", "[SEP] two"]):
        assert not text.startswith("a red") and "[" not in text


def test_the_frames_it_reads_are_spread_over_the_clip(checkpoint, company):
    model = load(checkpoint)
    same = [company[0], *company[6:8], company[3], *company[7:9], company[2]]
    other = [company[0], *company[4:6], company[3], *company[5:7], company[2]]
    assert model.caption_video([same], [""]) == model.caption_video([other], [""])
    assert model.caption_video([same], [""]) != model.caption_video([same[1:]], [""])


def test_a_git_of_pictures_captions_no_clips(tmp_path):
    with pytest.raises(ConfigError, match="num_image_with_embedding"):
        load(str(tiny.git(tmp_path)))


def test_a_processor_of_videos_shows_the_same_clip(checkpoint, company, tmp_path):
    """Those published for clips have one (VideoMAE's), which gives pictures one more axis."""
    from transformers import GitProcessor, VideoMAEImageProcessor

    folder = shutil.copytree(checkpoint, tmp_path / "videos")
    stored = GitProcessor.from_pretrained(checkpoint)
    kept = {name: getattr(stored.image_processor, name) for name in ("image_mean", "image_std", "resample")}
    sides = {"size": stored.image_processor.size, "crop_size": stored.image_processor.crop_size}
    GitProcessor(VideoMAEImageProcessor(**kept, **sides), stored.tokenizer).save_pretrained(folder)
    clips = [company[:8], company[3:6]]
    assert load(str(folder)).caption_video(clips, ["", ""]) == load(checkpoint).caption_video(clips, ["", ""])
