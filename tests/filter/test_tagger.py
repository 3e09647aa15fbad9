"""Speech and music in sounds, by a tiny tagger."""

from __future__ import annotations

import numpy as np
import pytest

from tests import tiny
from vidal import models
from vidal.engine.step import Sample
from vidal.filter.config import ModelConfig
from vidal.filter.tagger import Tagger
from vidal.media.sound import decode_audio, encode_flac


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(tiny.tagger(tmp_path_factory.mktemp("tagger")))


@pytest.fixture(scope="module")
def tagger(checkpoint):
    step = Tagger(ModelConfig(checkpoint=checkpoint))
    step.setup()
    return step


def test_the_shares_are_those_of_the_model(tagger, checkpoint, sounds, scored):
    model = models.load("audio_tagger", checkpoint)
    found = scored(tagger, sounds)
    for sample in sounds:
        wave, rate = decode_audio(sample.members["flac"])
        assert [found[sample.id]] == model.tag([model.features(wave, rate)])
    assert len({str(columns) for columns in found.values()}) == len(sounds)


def test_without_sound_there_is_nothing_to_tell(tagger, sounds, scored):
    none = {"speech": None, "music": None}
    mute = Sample("mute", "video", {})
    empty = Sample("empty", "video", {}, {"flac": encode_flac(np.zeros(0, np.float32), 16000)})
    together = scored(tagger, [mute, sounds[0], empty])
    assert together["mute"] == together["empty"] == none == scored(tagger, [mute])["mute"]
    assert together[sounds[0].id] == scored(tagger, sounds[:1])[sounds[0].id] != none


def test_a_sound_that_is_no_flac_fails_alone_while_it_is_decoded(tagger):
    with pytest.raises(Exception, match="no FLAC sound"):
        tagger.prepare(Sample("broken", "audio", {}, {"flac": b"no sound"}))


def test_sounds_and_clips_are_tagged_and_the_checkpoint_decides(tagger, checkpoint):
    assert tagger.kinds == {"video", "audio"} and tagger.columns.keys() == {"speech", "music"}
    assert tagger.settings()["identity"] == models.identity(checkpoint)
