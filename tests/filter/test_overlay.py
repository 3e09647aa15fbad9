"""How much of a clip is written over, by a text detector."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests import tiny
from vidal import models
from vidal.engine.attempt import Retry, attempt
from vidal.engine.step import Sample
from vidal.filter.config import ModelConfig
from vidal.filter.overlay import Overlay
from vidal.media.images import decode_image, encode_jpeg


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(tiny.detector(tmp_path_factory.mktemp("detector")))


@pytest.fixture
def overlay(checkpoint):
    step = Overlay(ModelConfig(checkpoint=checkpoint))
    step.setup()
    return step


def test_the_share_is_that_of_the_maps_over_the_threshold_of_the_detector(overlay, checkpoint, videos, scored):
    model = models.load("text_detector", checkpoint)
    found = scored(overlay, videos)
    for sample in videos:
        pixels = [model.pixels(decode_image(sample.members[name])) for name in ("frm0.jpg", "frm1.jpg")]
        shares = [float((one > 0.3).sum() / one.size) for one in model.text_maps(pixels)]
        assert found[sample.id]["overlay_share"] == pytest.approx(sum(shares) / 2, abs=1e-6)
        assert 0.0 < found[sample.id]["overlay_share"] < 1.0


def test_every_keyframe_counts_once_whatever_the_company(overlay, videos, scored):
    single = [
        Sample(name, "video", {}, {"frm0.jpg": videos[number].members["frm0.jpg"]})
        for number, name in enumerate(("first", "second"))
    ]
    both = Sample("both", "video", {}, {f"frm{n}.jpg": one.members["frm0.jpg"] for n, one in enumerate(single)})
    found = {id_: columns["overlay_share"] for id_, columns in scored(overlay, [both, *single]).items()}
    assert found["both"] == pytest.approx((found["first"] + found["second"]) / 2, abs=1e-6)
    assert found["first"] != found["second"]


def test_a_detector_that_gives_no_numbers_does_not_pass_for_a_clean_picture(overlay, videos):
    with torch.no_grad():
        next(overlay._model.network.parameters()).fill_(float("nan"))
    overlay.prepare(videos[0])
    (found,) = attempt(overlay, videos[:1], Retry(attempts=1))
    assert found.failure.error_class == "NotFinite"


def test_pictures_alone_are_looked_at_and_checkpoint_and_threshold_decide(overlay, checkpoint):
    assert overlay.kinds == {"video"}
    assert overlay.settings() == {"checkpoint": checkpoint, "identity": models.identity(checkpoint), "text": 0.3}


@pytest.mark.slow
def test_a_detector_that_has_learnt_letters_tells_clips_with_them(videos, scored, tmp_path):
    """The same network and processor, taught drawn captions over first keyframes; it finds them over the last ones."""
    first, last = ([decode_image(one.members[name])[:96, :96] for one in videos] for name in ("frm0.jpg", "frm1.jpg"))
    overlay = Overlay(ModelConfig(checkpoint=str(tiny.taught_detector(tmp_path, first))))
    overlay.setup()
    rng = np.random.default_rng(1)
    titled = [tiny.captioned(picture, rng)[0] for picture in last]
    clips = [
        Sample(f"{kind} {number}", "video", {}, {"frm0.jpg": encode_jpeg(picture)})
        for kind, pictures in (("plain", last), ("titled", titled))
        for number, picture in enumerate(pictures)
    ]
    found = {id_: columns["overlay_share"] for id_, columns in scored(overlay, clips).items()}
    assert all(found[f"titled {number}"] > found[f"plain {number}"] + 0.05 for number in range(len(videos)))
