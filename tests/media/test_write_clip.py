"""Clips written from frames: what they hold, and that they repeat."""

from __future__ import annotations

import av
import numpy as np
import pytest

from vidal.media.write import write_clip


@pytest.mark.parametrize(
    ("codec", "sound_codec", "format_name"), [("h264", "aac", "mov,mp4"), ("vp9", "opus", "matroska,webm")]
)
def test_clip_holds_every_frame_and_its_sound(clip, codec, sound_codec, format_name):
    path = clip(frames=21, width=320, height=180, fps=12.5, sound=1.6, codec=codec, channels=2)
    with av.open(str(path)) as container:
        assert container.format.name.startswith(format_name)
        assert container.streams.audio[0].codec_context.codec.canonical_name == sound_codec
        assert container.streams.audio[0].channels == 2
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert [frame.shape for frame in frames] == [(180, 320, 3)] * 21
    red, grey = frames[0][40, 80].astype(int), frames[0][150, 280].astype(int)
    assert red[0] > 150 and red[1:].max() < 90
    assert np.abs(grey - 40).max() < 12
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        samples = sum(frame.samples for frame in container.decode(stream))
        assert samples / stream.rate == pytest.approx(1.6, abs=0.15)


@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_bytes_repeat_whatever_the_name(clip, codec):
    written = {
        clip(name, frames=40, width=426, codec=codec).read_bytes() for name in ("a.mp4", "b.webm", "another.bin")
    }
    assert len(written) == 1


def test_odd_size_is_refused(tmp_path):
    with pytest.raises(ValueError, match="333x241"):
        write_clip(tmp_path / "odd.mp4", [np.zeros((241, 333, 3), np.uint8)], 10)
