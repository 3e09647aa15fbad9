from __future__ import annotations

import numpy as np
import pytest

from vidal.engine.errors import SampleError
from vidal.filter.explain.pictures import HEIGHT, SOUND_WIDTH, WAVE_HEIGHT, frames_picture, sound_picture
from vidal.media.images import decode_image, encode_jpeg
from vidal.media.sound import encode_flac

RATE = 16000


def tone(hertz, seconds=1.0, loud=0.5):
    return encode_flac(loud * np.sin(2 * np.pi * hertz * np.arange(int(RATE * seconds)) / RATE), RATE)


def test_frames_stand_beside_each_other_in_their_own_shape():
    red, blue = np.zeros((90, 160, 3), np.uint8), np.zeros((256, 144, 3), np.uint8)
    red[..., 0], blue[..., 2] = 250, 250
    found = decode_image(frames_picture([encode_jpeg(red), encode_jpeg(blue)]))
    assert found.shape == (HEIGHT, 213 + 3 + 68, 3)
    assert found[60, 100].argmax() == 0 and found[60, -20].argmax() == 2


def test_a_sound_shows_its_wave_and_its_pitch():
    low, high = (decode_image(sound_picture(tone(hertz))).astype(int) for hertz in (500, 7000))
    assert low.shape == (HEIGHT, SOUND_WIDTH, 3)
    rows = [int(picture[WAVE_HEIGHT:].sum(axis=(1, 2)).argmax()) for picture in (low, high)]
    assert rows[0] == pytest.approx(75, abs=2) and rows[1] == pytest.approx(10, abs=2)
    loud, quiet = (decode_image(sound_picture(tone(500, loud=loud)))[:WAVE_HEIGHT, :, 2] > 150 for loud in (0.9, 0.1))
    assert loud.any(axis=1).sum() > 3 * quiet.any(axis=1).sum()


@pytest.mark.parametrize("seconds", [0, 1 / RATE, 0.01, 3.0])
def test_silence_of_any_length_is_dark_but_for_a_line(seconds):
    found = decode_image(sound_picture(encode_flac(np.zeros(int(RATE * seconds)), RATE)))
    assert found[WAVE_HEIGHT + 4 :].max() < 60 and found[WAVE_HEIGHT // 2].max() > 150


def test_what_is_no_media_is_said_so():
    with pytest.raises(SampleError):
        frames_picture([b"no picture"])
    with pytest.raises(SampleError):
        sound_picture(b"no sound")
