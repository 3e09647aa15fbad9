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
    """The same network and processor, taught drawn captions for a minute; it then finds them in other pictures."""
    pictures = [decode_image(one.members["frm0.jpg"])[:128, :128] for one in videos[:4]]
    folder = tiny.taught_detector(tmp_path, pictures)
    overlay = Overlay(ModelConfig(checkpoint=str(folder)))
    overlay.setup()
    plain = [Sample(one.id, "video", {}, one.members) for one in videos[4:]]
    titled = []
    for one in plain:
        members = {}
        for name, content in one.members.items():
            picture, _ = tiny.captioned(decode_image(content), np.random.default_rng(len(members)))
            members[name] = encode_jpeg(picture)
        titled.append(Sample(f"{one.id}-titled", "video", {}, members))
    found = {id_: columns["overlay_share"] for id_, columns in scored(overlay, [*plain, *titled]).items()}
    for one in plain:
        assert found[one.id] + 0.05 < found[f"{one.id}-titled"]
