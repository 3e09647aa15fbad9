"""Texts to ids, pictures to pixels and clips to frames, against those of the published processor."""

from __future__ import annotations

import json

import av
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vidal.models.mplug_owl.pictures import cropped, frame_indices, normalised, squashed
from vidal.models.mplug_owl.words import load_words


@pytest.fixture(scope="module")
def words(parity):
    return load_words(parity / "processor")


@pytest.fixture(scope="module")
def tokens(parity):
    return json.loads((parity / "processor/tokens.json").read_text())


@pytest.mark.parametrize(
    ("entries", "length"),
    [("image_package", 65), ("video_package", 65), ("short_placeholder_runs (9 ids per medium)", 9)],
)
def test_prompts(words, tokens, entries, length):
    assert len(tokens[entries]) > 1
    for one in tokens[entries]:
        assert words.prompt(one["prompt"], length) == one["input_ids"]


def test_rows_of_a_batch(words, tokens):
    """Their padding stands on the right, ours never does; what counts is equal."""
    batch = tokens["image_package_batch"]
    for prompt, ids, mask in zip(batch["prompts"], batch["input_ids"], batch["attention_mask"], strict=True):
        assert [one for one, counts in zip(ids, mask, strict=True) if counts] == words.prompt(prompt, 65)
        assert all(one == 2 for one, counts in zip(ids, mask, strict=True) if not counts)


def test_single_pieces(words, tokens):
    for one in tokens["plain_chunk_encodings_without_bos"]:
        ids = words.encode(one["text"])
        assert ids == one["ids"] and [words.backend.id_to_token(number) for number in ids] == one["pieces"]


def test_decoding(words, tokens):
    for one in tokens["decode"]:
        assert words.decode(one["ids"]) == one["skip_special_tokens"]
    assert words.backend.get_vocab_size() == tokens["vocab_size"]


@pytest.mark.parametrize("name", ["square", "tall", "wide"])
def test_pictures(parity, name):
    stored = load_file(parity / "processor/pixels.safetensors")
    picture = stored[f"{name}.image_uint8_hwc"].numpy()
    assert np.array_equal(squashed(picture, 224), stored[f"{name}.squashed_uint8_hwc"].numpy())
    for package, fitted in (("image", squashed), ("video", cropped)):
        found = normalised(torch.from_numpy(fitted(picture, 224)))
        assert found.shape == (3, 224, 224)
        whole, corner = (f"{name}.{package}_package_{what}" for what in ("pixel_values", "corner64"))
        expected = stored[whole] if whole in stored else stored[corner]
        assert torch.equal(found[:, : expected.shape[1], : expected.shape[2]], expected)


def test_frames_of_clips(parity):
    cases = json.loads((parity / "frame-index.json").read_text())["cases"]
    assert len(cases) > 50
    for case in cases:
        assert frame_indices(case["total_frames"], case["num_frames"]) == case["indices"]


def test_a_clip_as_the_published_loader_returns_it(parity):
    """Its scaler is another one: on this hard-edged pattern 4 grey levels on average, as the facts say."""
    facts = json.loads((parity / "video-sample/facts.json").read_text())
    stored = load_file(parity / "video-sample/frames.safetensors")
    with av.open(str(parity / "video-sample/sample.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    indices = frame_indices(len(frames), facts["num_frames"])
    assert (len(frames), indices) == (facts["total_frames"], facts["indices"])
    expected = stored["frames_224_rgb_uint8"]
    found = np.stack([squashed(frames[index], 224) for index in indices])

    def distance(these: np.ndarray) -> float:
        return float(np.abs(these.astype(int) - expected.numpy().astype(int)).mean())

    known = facts["abs_difference_to_resizing_the_full_size_frame"]["pillow_bicubic"]["mean"]
    assert distance(found) == pytest.approx(known, abs=0.2)
    assert distance(found[..., ::-1]) > 2 * known and distance(found[::-1]) > 2 * known
    corner = normalised(expected).transpose(0, 1)[None, :, :, :48, :48]
    torch.testing.assert_close(corner, stored["video_pixel_values_corner"], atol=5e-5, rtol=1e-5)
