"""Agreement of pictures and sound with their title, by the demo checkpoints."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

from vidal import models
from vidal.engine.attempt import Retry, attempt
from vidal.engine.step import Sample
from vidal.filter.clap import ClapScore
from vidal.filter.clip import ClipScore
from vidal.filter.config import ClipConfig, ModelConfig
from vidal.filter.embeddings import TextEmbeddings
from vidal.filter.spoken import spoken
from vidal.media.images import decode_image, encode_jpeg
from vidal.media.sound import encode_flac


@pytest.fixture(scope="module")
def clip():
    step = ClipScore(ClipConfig(checkpoint="demo:clip"))
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
    return [told(sample, titles[(place + shift) % len(titles)]) for place, sample in enumerate(samples)]


def told(sample, title, hashtags=(), terms=(), id_=None):
    """The same pictures and sound under other texts."""
    columns = {"title": title, "hashtags": list(hashtags), "terms": list(terms)}
    return Sample(id_ or sample.id, sample.kind, columns, sample.members)


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
    for company in ([samples[place] for place in order], *([one] for one in samples)):
        for id_, columns in scored(step, company).items():
            assert {name: same(value) for name, value in columns.items()} == {
                name: same(value) for name, value in together[id_].items()
            }
    assert len({str(columns) for columns in together.values()}) == len(samples)


def same(value):
    """A value that compares by its bits."""
    return value.tobytes() if isinstance(value, np.ndarray) else value


def test_clips_of_different_numbers_of_keyframes_keep_their_own(clip, videos, scored):
    short = Sample("short", "video", videos[0].columns, {"frm0.jpg": videos[0].members["frm0.jpg"]})
    together = scored(clip, [videos[1], short, videos[2]])
    assert str(together["short"]) == str(scored(clip, [short])["short"])
    assert together["short"]["clip_title"] == together["short"]["clip_title_max"]
    assert together["short"]["clip_frames"] is None and together[videos[2].id]["clip_frames"] < 1.0
    assert str(together[videos[2].id]) == str(scored(clip, [videos[2]])[videos[2].id])


def test_a_clip_without_sound_has_a_null_score(clap, sounds, scored):
    none = {"clap_title": None, "clap_term": None, "clap_embedding": None}
    mute = Sample("mute", "video", {"title": "A quiet clip", "hashtags": [], "terms": ["bell"]})
    empty = Sample("empty", "video", mute.columns, {"flac": encode_flac(np.zeros(0, np.float32), 16000)})
    together = scored(clap, [sounds[0], mute, sounds[1], empty])
    assert together["mute"] == together["empty"] == none
    assert str(together[sounds[0].id]) == str(scored(clap, [sounds[0]])[sounds[0].id])
    assert scored(clap, [mute]) == {"mute": none}


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


@pytest.mark.parametrize(
    "title", ["", "\u202e\u0000", "red " * 5000, "'; DROP TABLE scores; --", "🎈" * 300, "كرة حمراء", "红色的球"]
)
def test_any_title_has_a_score(clip, clap, videos, sounds, scored, title):
    for step, sample, column in ((clip, videos[0], "clip_title"), (clap, sounds[0], "clap_title")):
        found = scored(step, [told(sample, title, terms=[title or " "])])[sample.id]
        assert (found[column] is None) == (not title)
        for name in (column, column.replace("title", "term")):
            assert found[name] is None or -1.0 <= found[name] <= 1.0 + 1e-6


@pytest.mark.parametrize("step_class", [ClipScore, ClapScore])
def test_the_content_of_the_checkpoint_is_part_of_the_settings(step_class):
    kind = "clip" if step_class is ClipScore else "clap"
    settings = step_class(ClipConfig(checkpoint=f"demo:{kind}", compile=True)).settings()
    assert settings == {"checkpoint": f"demo:{kind}", "identity": models.identity(f"demo:{kind}")}


def test_the_best_of_several_terms_is_the_score(clip, clap, videos, sounds, scored):
    for step, samples, column in ((clip, videos, "clip_term"), (clap, sounds, "clap_term")):
        own, other = samples[0].columns["terms"][0], samples[1].columns["terms"][0]
        cases = {"own": [own], "other": [other], "both": [other, own], "none": []}
        found = scored(step, [told(samples[0], "", terms=terms, id_=name) for name, terms in cases.items()])
        assert found["own"][column] == found["both"][column] > found["other"][column] + 0.1
        assert found["none"][column] is None and found["own"][column.replace("term", "title")] is None
    assert found["none"]["clap_embedding"] is not None


def test_terms_are_scored_over_the_frames_as_titles_are(clip, videos, scored):
    found = scored(clip, [told(video, "A red ring", terms=["A red ring"]) for video in videos])
    for columns in found.values():
        assert columns["clip_term"] == columns["clip_title"] < columns["clip_term_max"] == columns["clip_title_max"]


def test_neighbouring_frames_that_show_the_same_are_near_one(clip, videos, scored):
    still = {f"frm{n}.jpg": videos[0].members["frm0.jpg"] for n in range(8)}
    slides = {f"frm{n}.jpg": videos[n // 4].members["frm0.jpg"] for n in range(8)}
    blank = {f"frm{n}.jpg": encode_jpeg(np.zeros((48, 64, 3), np.uint8)) for n in range(8)}
    samples = [Sample(name, "video", videos[0].columns, members) for name, members in
               (("still", still), ("slides", slides), ("blank", blank))]  # fmt: skip
    found = {name: columns["clip_frames"] for name, columns in scored(clip, samples).items()}
    assert found["still"] == pytest.approx(1.0, abs=1e-6) and found["blank"] == pytest.approx(1.0, abs=1e-6)
    change = scored(clip, [Sample("pair", "video", videos[0].columns, {"frm0.jpg": slides["frm0.jpg"],
                                                                       "frm1.jpg": slides["frm4.jpg"]})])  # fmt: skip
    assert found["slides"] == pytest.approx((6 + change["pair"]["clip_frames"]) / 7, abs=1e-6)


def test_embeddings_are_of_unit_length_and_half_precision_and_stay_in_the_workspace(clip, clap, videos, sounds, scored):
    for step, samples, name in ((clip, videos, "clip_embedding"), (clap, sounds, "clap_embedding")):
        assert step.unpublished == (name,) and step.columns[name] == pa.list_(pa.float16())
        for columns in scored(step, samples).values():
            stored = pa.array([columns[name]], step.columns[name]).to_pylist()[0]
            assert np.array_equal(np.array(stored, np.float16), columns[name]) and columns[name].dtype == np.float16
            assert np.linalg.norm(columns[name].astype(np.float32)) == pytest.approx(1.0, abs=2e-3)
    frames = models.load("clip", "demo:clip").embed_images(
        [decode_image(videos[0].members[name]) for name in ("frm0.jpg", "frm1.jpg")]
    )
    mean = frames.mean(0) / np.linalg.norm(frames.mean(0))
    np.testing.assert_allclose(scored(clip, videos[:1])[videos[0].id]["clip_embedding"], mean, atol=5e-4)


def test_a_model_that_gives_no_numbers_fails_the_sample_alone(videos, monkeypatch):
    step = ClipScore(ClipConfig(checkpoint="demo:clip"))
    step.setup()
    with torch.no_grad():
        step._model.network.visual.conv1.weight[:, 0] *= float("inf")
    for sample in videos[:2]:
        step.prepare(sample)
    found = attempt(step, videos[:2], Retry(attempts=1))
    assert {(result.status, result.failure.error_class) for result in found} == {("failed", "NotFinite")}


def test_a_term_is_embedded_once_and_a_title_once_a_batch():
    asked = []

    def embed(texts):
        asked.append(list(texts))
        return np.array([[len(text)] for text in texts], np.float32)

    texts = TextEmbeddings(embed, kept=2)
    assert texts.of(["ab", "ab", "abc"], ["a", "a"]) == {"a": 1, "ab": 2, "abc": 3}
    assert texts.of(["ab"], ["a"]) == {"a": 1, "ab": 2}
    assert texts.of(["abc"], ["abcd", "a"]) == {"a": 1, "abc": 3, "abcd": 4}
    assert texts.of([], ["a"]) == {"a": 1} and texts.of([], []) == {}
    assert asked == [["a", "ab", "abc"], ["ab"], ["abcd", "abc"]]
    texts.of([], ["abcde", "abcdef"])
    texts.of(["abcdef"], ["a"])
    assert asked[3:] == [["abcde", "abcdef"], ["a"]]
