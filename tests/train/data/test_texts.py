"""Which text a sample is trained with."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from vidal.engine.errors import ConfigError, SampleError
from vidal.train.data.texts import Drawn, draw, text_of, text_policy, views

EVERY = {"txt", "raw", "mplug", "polish_mplug", "sound_mplug", *(f"ofa{number}" for number in range(8))}


def test_views_are_the_texts_of_a_sample():
    assert views(["txt", "raw.txt", "ofa3.txt", "frm0.jpg", "json"]) == {
        "txt": "txt", "raw": "raw.txt", "ofa3": "ofa3.txt",
    }  # fmt: skip


def test_the_mix_draws_views_by_their_weights():
    rng = np.random.default_rng(0)
    found = Counter(draw(text_policy("mix"), EVERY, rng) for _ in range(8000))
    whole = {view: found[Drawn(view)] / 8000 for view in ("raw", "mplug", "polish_mplug", "sound_mplug")}
    frames = {number: found[Drawn(f"ofa{number}", number)] / 8000 for number in range(8)}
    assert sum(found.values()) == 8000 == round(8000 * (sum(whole.values()) + sum(frames.values())))
    assert all(abs(share - 0.2) < 0.02 for share in whole.values())
    assert all(abs(share - 0.025) < 0.008 for share in frames.values())


def test_a_keyframe_caption_tells_its_frame():
    rng = np.random.default_rng(0)
    found = {draw(text_policy("ofa"), EVERY, rng) for _ in range(200)}
    assert found == {Drawn(f"ofa{number}", number) for number in range(8)}
    assert draw(text_policy("ofa"), EVERY, None) == Drawn("ofa3", 3)
    assert draw(text_policy("ofa"), {"ofa5", "ofa7"}, None) == Drawn("ofa5", 5)
    assert draw(text_policy("ofa6"), EVERY, None) == Drawn("ofa6", 6)


def test_an_absent_view_is_replaced_only_where_that_is_wished():
    with pytest.raises(SampleError, match="no text mplug") as error:
        draw(text_policy("mplug"), {"txt"}, None)
    assert error.value.error_class == "NoText"
    assert draw(text_policy("mplug", ["ofa", "txt"]), {"txt"}, None) == Drawn("txt", None, "mplug")
    assert draw(text_policy("mplug", ["ofa", "txt"]), {"txt", "ofa1"}, None) == Drawn("ofa1", 1, "mplug")
    with pytest.raises(SampleError, match="no text ofa"):
        draw(text_policy("ofa"), {"txt", "ofas"}, None)


def test_evaluation_draws_nothing():
    assert draw(text_policy("mix"), EVERY, None) == Drawn("raw")


def test_what_is_no_view_is_refused():
    for name in ("", "../raw", "a b"):
        with pytest.raises(ConfigError, match="no name of a text view"):
            text_policy("mix", [name])


@pytest.mark.parametrize(
    ("view", "content", "compat", "text"),
    [
        ("polish_mplug", "In the video, a dog runs.", False, "a dog runs."),
        ("polish_mplug", "a dog runs.", False, "a dog runs."),
        ("mplug", "In the video, a dog runs.", False, "In the video, a dog runs."),
        ("ofa0", " a dog", False, "a dog"),
        ("raw", "Strawberry shortcake #shorts #cake", False, "Strawberry shortcake, cake"),
        ("raw", "Strawberry shortcake #shorts #cake", True, "strawberry cake, cake"),
    ],
)  # fmt: skip
def test_the_text_of_a_view(view, content, compat, text):
    found = text_of(view, content.encode(), compat)
    assert " ".join(found.split()) == text


@pytest.mark.parametrize(("content", "kind"), [(b"\xff", "BadText"), (b" \n", "NoText"), (b"In the video, ", "NoText")])
def test_what_is_no_text(content, kind):
    with pytest.raises(SampleError) as error:
        text_of("polish_mplug", content, False)
    assert error.value.error_class == kind
