"""The roles find an mPLUG-Owl by what its configuration calls it."""

from __future__ import annotations

import pytest

from vidal import models
from vidal.engine.errors import ConfigError
from vidal.models.mplug_owl.captioner import load
from vidal.models.place import place


def test_the_roles_load_what_is_published(tiny, tiny_for_pictures, clips):
    found = models.load("video_captioner", str(tiny), device="cpu")
    expected = load(tiny, place("cpu")).caption_video(clips[:2], ["a dog", ""])
    assert found.caption_video(clips[:2], ["a dog", ""]) == expected
    for checkpoint in (tiny, tiny_for_pictures):
        assert len(models.load("captioner", str(checkpoint), device="cpu").caption_images(clips[0][:2])) == 2
    assert models.check("video_captioner", str(tiny)).ok


def test_one_for_pictures_captions_no_clips(tiny_for_pictures):
    with pytest.raises(ConfigError, match="it captions pictures and not clips"):
        models.load("video_captioner", str(tiny_for_pictures), device="cpu")
