from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.step import Sample
from vidal.generate.config import InfraredConfig
from vidal.generate.infrared import Infrared, style_seed
from vidal.media.images import decode_image, encode_jpeg


@given(st.integers(), st.text(max_size=20))
def test_a_style_seed_is_of_63_bits(seed, sample):
    assert 0 <= style_seed(seed, sample) < 2**63 and style_seed(seed, sample) == style_seed(seed, sample)


def test_style_seeds_differ_by_seed_and_clip():
    seeds = {style_seed(seed, f"clip-{number}") for seed in range(20) for number in range(100)}
    assert len(seeds) == 2000


class Painter:
    """An infrared model that paints its style into every picture."""

    def translate(self, frames, seed):
        return [np.full_like(frame, seed % 256) for frame in frames]

    def translate_as_original(self, frames, seed):
        return [np.full_like(frame, 10 * number) for number, frame in enumerate(frames)]


def test_the_frames_of_a_clip_share_a_style_whatever_the_batch():
    step = Infrared(InfraredConfig(checkpoint="demo:srgb-tir"), seed=5)
    step._model = Painter()
    frames = {f"frm{n}.jpg": encode_jpeg(np.zeros((16, 16, 3), np.uint8)) for n in range(3)}
    samples = [Sample(id_, "video", members=frames) for id_ in ("a", "b")]
    for sample in samples:
        step.prepare(sample)
    together = step.process(samples)
    assert [result.members for result in together] == [step.process([sample])[0].members for sample in samples]
    for result in together:
        levels = {int(decode_image(data).mean()) for data in result.members.values()}
        assert sorted(result.members) == ["tml0.jpg", "tml1.jpg", "tml2.jpg"]
        assert len(levels) == 1 and abs(levels.pop() - style_seed(5, result.id) % 256) <= 1


def test_the_original_recipe_is_a_matter_of_settings():
    plain, compat = (Infrared(InfraredConfig(checkpoint="demo:srgb-tir", compat=one), seed=5) for one in (False, True))
    compat._model = Painter()
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    sample = Sample("a", "video", members={f"frm{n}.jpg": encode_jpeg(noise) for n in range(3)})
    compat.prepare(sample)
    (result,) = compat.process([sample])
    assert [round(decode_image(result.members[f"tml{n}.jpg"]).mean()) for n in range(3)] == [0, 10, 20]
    assert result.members["tml1.jpg"] == encode_jpeg(np.full_like(noise, 10), 75)
    assert plain.settings() != compat.settings()
