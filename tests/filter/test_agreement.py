"""Agreement of pictures and sound with their title, by the demo checkpoints."""

from __future__ import annotations

import numpy as np
import pytest

from vidal import models
from vidal.engine.step import Sample
from vidal.filter.clap import ClapScore
from vidal.filter.clip import ClipScore
from vidal.filter.config import ModelConfig
from vidal.filter.text import spoken
from vidal.media.images import decode_image


@pytest.fixture(scope="module")
def clip():
    step = ClipScore(ModelConfig(checkpoint="demo:clip"))
    step.setup()
    return step


@pytest.fixture(scope="module")
def clap():
    step = ClapScore(ModelConfig(checkpoint="demo:clap"))
    step.setup()
    return step


def retitled(samples, shift):
    """The same pictures and sounds, each with the title of another sample."""
    titles = [sample.columns["title"] for sample in samples]
    return [
        Sample(sample.id, sample.kind, {"title": titles[(place + shift) % len(titles)], "hashtags": []}, sample.members)
        for place, sample in enumerate(samples)
    ]


def test_a_clip_scores_highest_with_its_own_title(clip, videos, scored):
    own = scored(clip, retitled(videos, 0))
    for shift in range(1, len(videos)):
        other = scored(clip, retitled(videos, shift))
        for id_ in own:
            assert own[id_]["clip_title"] > other[id_]["clip_title"] + 0.1, (id_, shift)


def test_a_sound_scores_highest_with_its_own_title(clap, sounds, scored):
    own = scored(clap, retitled(sounds, 0))
    for shift in range(1, len(sounds)):
        other = scored(clap, retitled(sounds, shift))
        for id_ in own:
            assert own[id_]["clap_title"] > other[id_]["clap_title"] + 0.1, (id_, shift)


def test_scores_are_mean_and_maximum_of_the_cosines(clip, videos, scored):
    model = models.load("clip", "demo:clip")
    found = scored(clip, videos)
    for sample in videos:
        frames = model.embed_images([decode_image(sample.members[name]) for name in ("frm0.jpg", "frm1.jpg")])
        cosines = frames @ model.embed_texts([sample.columns["title"]])[0]
        assert found[sample.id]["clip_title"] == pytest.approx(cosines.mean(), abs=1e-6)
        assert found[sample.id]["clip_title_max"] == pytest.approx(cosines.max(), abs=1e-6)
        assert -1.0 <= found[sample.id]["clip_title"] <= found[sample.id]["clip_title_max"] <= 1.0 + 1e-6


@pytest.mark.parametrize("kind", ["clip", "clap"])
def test_no_company_changes_a_score(kind, request, scored):
    step, samples = request.getfixturevalue(kind), request.getfixturevalue("videos" if kind == "clip" else "sounds")
    together = scored(step, samples)
    order = np.random.default_rng(1).permutation(len(samples))
    assert scored(step, [samples[place] for place in order]) == together
    assert {id_: columns for one in samples for id_, columns in scored(step, [one]).items()} == together
    assert len({str(columns) for columns in together.values()}) == len(samples)


def test_clips_of_different_numbers_of_keyframes_keep_their_own(clip, videos, scored):
    short = Sample("short", "video", videos[0].columns, {"frm0.jpg": videos[0].members["frm0.jpg"]})
    together = scored(clip, [videos[1], short, videos[2]])
    assert together["short"] == scored(clip, [short])["short"]
    assert together["short"]["clip_title"] == together["short"]["clip_title_max"]
    assert together[videos[2].id] == scored(clip, [videos[2]])[videos[2].id]


def test_a_clip_without_sound_has_a_null_score(clap, sounds, scored):
    mute = Sample("mute", "video", {"title": "A quiet clip", "hashtags": []})
    together = scored(clap, [sounds[0], mute, sounds[1]])
    assert together["mute"] == {"clap_title": None}
    assert together[sounds[0].id] == scored(clap, [sounds[0]])[sounds[0].id]
    assert scored(clap, [mute]) == {"mute": {"clap_title": None}}


def test_pictures_are_scored_for_clips_only():
    assert ClipScore.kinds == {"video"} and ClapScore.kinds == {"video", "audio"}


@pytest.mark.parametrize(
    ("title", "hashtags", "text"),
    [
        ("Red ball", ["fyp"], "Red ball"),
        ("", ["red", "ball"], "red ball"),
        (None, ["red"], "red"),
        ("", [], ""),
        ("", None, ""),
    ],
)
def test_hashtags_speak_where_the_title_says_nothing(title, hashtags, text):
    assert spoken(Sample("s", "video", {"title": title, "hashtags": hashtags})) == text


@pytest.mark.parametrize("title", ["", "\u202e\u0000", "red " * 5000, "'; DROP TABLE scores; --", "🎈" * 300])
def test_any_title_has_a_score(clip, clap, videos, sounds, scored, title):
    for step, sample, column in ((clip, videos[0], "clip_title"), (clap, sounds[0], "clap_title")):
        odd = Sample("odd", sample.kind, {"title": title, "hashtags": []}, sample.members)
        assert -1.0 <= scored(step, [odd])["odd"][column] <= 1.0 + 1e-6


@pytest.mark.parametrize("step_class", [ClipScore, ClapScore])
def test_the_content_of_the_checkpoint_is_part_of_the_settings(step_class):
    kind = "clip" if step_class is ClipScore else "clap"
    settings = step_class(ModelConfig(checkpoint=f"demo:{kind}")).settings()
    assert settings == {"checkpoint": f"demo:{kind}", "identity": models.identity(f"demo:{kind}")}
