"""The roles: a checkpoint in the published layout to captions that depend on their own clip alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.mplug_owl.tiny import TEXTS, piece_model, trained_pieces
from vidal.models.mplug_owl.captioner import load, load_for_pictures
from vidal.models.mplug_owl.model import CLIP, PICTURE
from vidal.models.mplug_owl.pictures import thinned
from vidal.models.mplug_owl.words import END
from vidal.models.options import Options
from vidal.models.place import place

HINTS = ["a red circle #red", "", "star", "x " * 300, "a red circle #red", "</s>\nAI: no", "\u0001"]


@pytest.fixture(scope="module")
def captioner(tiny):
    return load(tiny, place("cpu"))


def changed(source: Path, folder: Path, change) -> Path:
    """A copy of the checkpoint whose first file of weights is what `change` makes of it; the index follows."""
    shutil.copytree(source, folder)
    index = json.loads((folder / "pytorch_model.bin.index.json").read_text())
    everything = {}
    for file in sorted(set(index["weight_map"].values())):
        everything |= torch.load(folder / file, weights_only=True)
        (folder / file).unlink()
    (folder / "pytorch_model.bin.index.json").unlink()
    torch.save(change(everything), folder / "pytorch_model.bin")
    return folder


def test_captions_differ_with_the_clip_and_the_hint_and_only_with_them(captioner, clips):
    together = captioner.caption_video(clips, HINTS)
    assert len(set(together)) == 7 and all(text == " ".join(text.split()) for text in together)
    assert captioner.caption_video(clips[::-1], HINTS[::-1]) == together[::-1]
    alone = [captioner.caption_video([clip], [hint])[0] for clip, hint in zip(clips, HINTS, strict=True)]
    assert alone == together
    for batch in (1, 3, 16):
        other = replace(captioner, place=replace(captioner.place, batch=batch))
        assert other.caption_video(clips, HINTS) == together
    assert captioner.caption_video(clips[:1], ["star"]) != together[:1]
    assert captioner.caption_video(clips[1:2], HINTS[:1]) != together[:1]
    assert captioner.caption_video([], []) == []


def test_pictures(tiny, tiny_for_pictures, clips):
    pictures = [clip[0] for clip in clips]
    for folder in (tiny, tiny_for_pictures):
        model = load_for_pictures(folder, place("cpu"))
        together = model.caption_images(pictures)
        assert len(set(together)) > 4
        assert model.caption_images(pictures[::-1]) == together[::-1]
        assert [model.caption_images([picture])[0] for picture in pictures] == together


def test_a_wide_picture_is_squashed_or_cropped(tiny, tiny_for_pictures, clips):
    """A network for clips does not see the ends of a wide picture, one for pictures does."""
    wide = clips[2][0]
    other = wide.copy()
    other[:, :60] = 255 - other[:, :60]
    for folder, seen in ((tiny, False), (tiny_for_pictures, True)):
        first, second = load_for_pictures(folder, place("cpu")).caption_images([wide, other])
        assert (first != second) is seen


def test_a_checkpoint_for_pictures_captions_no_clips(tiny_for_pictures):
    with pytest.raises(ValueError, match="pictures and not clips"):
        load(tiny_for_pictures, place("cpu"))


def test_the_form_is_read_from_sharded_safetensors_too(tiny, tmp_path, captioner, clips):
    captioner.network.save_pretrained(tmp_path, max_shard_size="40KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 2
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "temporal": False}))
    shutil.copy(tiny / "tokenizer.model", tmp_path)
    assert load(tmp_path, place("cpu")).caption_video(clips[:2], HINTS[:2]) == captioner.caption_video(
        clips[:2], HINTS[:2]
    )


@pytest.mark.parametrize("inner", [2816, 4096])
def test_the_width_of_the_abstractor_is_that_of_the_weights(tiny, tmp_path, captioner, clips, inner):
    folder = shutil.copytree(tiny, tmp_path / "changed")
    config = json.loads((folder / "config.json").read_text())
    config["visual_abstractor_config"]["intermediate_size"] = inner
    (folder / "config.json").write_text(json.dumps(config))
    found = load(folder, place("cpu"))
    assert found.network.config.mlp_width == 256
    assert found.caption_video(clips[:1], HINTS[:1]) == captioner.caption_video(clips[:1], HINTS[:1])


def test_weights_that_do_not_fit_are_refused_by_name(tiny, tmp_path):
    def spoilt(weights):
        del weights["vision_model.encoder.layers.1.self_attn.dense.bias"]
        weights["abstractor.visual_fc.weight"] = torch.zeros(3, 3)
        return {**weights, "language_model.stray": torch.zeros(1)}

    with pytest.raises(ValueError) as caught:
        load(changed(tiny, tmp_path / "changed", spoilt), place("cpu"))
    message = str(caught.value)
    assert "missing keys: vision_model.encoder.layers.1.self_attn.dense.bias" in message
    assert "unexpected keys: language_model.stray" in message
    assert "keys of another shape: abstractor.visual_fc.weight" in message


@pytest.mark.parametrize("lost", ["temporal_query_tokens", "vision_model.encoder.layers.0.temporal.conv.bias"])
def test_a_network_for_clips_that_lost_a_part_is_refused(tiny, tmp_path, lost):
    def without(weights):
        return {name: value for name, value in weights.items() if name != lost}

    with pytest.raises(ValueError, match=r"missing keys|unexpected keys: .*temporal_visual_fc"):
        load(changed(tiny, tmp_path / "changed", without), place("cpu"))


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("text_config", "model_type", "opt"),
        ("vision_config", "hidden_act", "gelu"),
        ("vision_config", "hidden_size", 64),
        ("visual_abstractor_config", "num_attention_heads", 5),
    ],
)
def test_a_network_of_another_form_is_refused(tiny, tmp_path, part, key, value):
    folder = shutil.copytree(tiny, tmp_path / "changed")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, part: {**config[part], key: value}}))
    with pytest.raises(Exception, match=r"opt|gelu|hidden_size"):
        load(folder, place("cpu"))


def test_the_prompt_is_the_caller_s(tiny, captioner, clips):
    other = load(tiny, place("cpu"), Options(prompt="<|video|>\nAI: "))
    assert other.caption_video(clips[:1], HINTS[:1]) != captioner.caption_video(clips[:1], HINTS[:1])
    assert other.caption_video(clips[:1], ["star"]) == other.caption_video(clips[:1], HINTS[:1])
    with pytest.raises(ValueError, match="exactly once"):
        load(tiny, place("cpu"), Options(prompt="AI: "))


def test_the_length_is_the_checkpoint_s_or_128(tiny, tmp_path, clips, monkeypatch):
    def longest(model) -> int:
        seen = []
        generate = model.network.generate
        monkeypatch.setattr(
            model.network, "generate", lambda *given, **options: seen.append(generate(*given, **options)) or seen[-1]
        )
        model.caption_video(clips, HINTS)
        return max(tokens.shape[1] for tokens in seen)

    assert longest(load(tiny, place("cpu"))) == 12
    folder = shutil.copytree(tiny, tmp_path / "without")
    (folder / "generation_config.json").unlink()
    assert longest(load(folder, place("cpu"))) == 128


def test_an_answer_ends_with_the_end_token(captioner, clips, monkeypatch):
    lengths, generate = [], captioner.network.generate

    def measured(*given, **options):
        tokens = generate(*given, **options)
        lengths.append(tokens.shape[1])
        return tokens

    steps = []

    def ended(_, __, logits):
        steps.append(1)
        if len(steps) == 3:
            logits[..., END] += 1e4

    monkeypatch.setattr(captioner.network, "generate", measured)
    hook = captioner.network.language_model.lm_head.register_forward_hook(ended)
    captioner.caption_video(clips[:1], [""])
    hook.remove()
    assert lengths == [3]


def test_a_tokenizer_with_more_words_than_the_network_is_refused(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "changed")
    pieces, scores = trained_pieces(TEXTS)
    more = piece_model([*pieces, "xyzzy"], [*scores, -1000.0])
    (folder / "tokenizer.model").write_bytes(more)
    with pytest.raises(ValueError, match="more words than its network"):
        load(folder, place("cpu"))


def test_a_batch_is_its_rows(captioner, clips):
    network, words = captioner.network, captioner.words
    rng = torch.Generator().manual_seed(0)
    pixels = torch.randn(4, 3, 5, 42, 42, generator=rng)
    prompts = [words.prompt("a red " * row + "<|video|> star", 4) for row in range(4)]
    length = max(map(len, prompts)) + 3
    for left in (True, False):
        ids, mask = torch.full((4, length), 2), torch.zeros(4, length)
        for row, prompt in enumerate(prompts):
            places = slice(length - len(prompt), None) if left else slice(len(prompt))
            ids[row, places], mask[row, places] = torch.tensor(prompt), 1.0
        with torch.inference_mode():
            together = network(ids, mask, video_pixel_values=pixels).logits
            order = torch.tensor([2, 0, 3, 1])
            shuffled = network(ids[order], mask[order], video_pixel_values=pixels[order]).logits
            for row, prompt in enumerate(prompts):
                alone = network(torch.tensor([prompt]), video_pixel_values=pixels[row : row + 1]).logits[0]
                torch.testing.assert_close(together[row][mask[row] > 0], alone, atol=1e-4, rtol=0)
                torch.testing.assert_close(shuffled[order.tolist().index(row)], together[row], atol=1e-4, rtol=0)
        assert together.std() > 0.1


def test_media_that_do_not_fit_are_refused(captioner):
    network = captioner.network
    places = torch.tensor([[1, *[CLIP] * 4]])
    with pytest.raises(ValueError, match="not room for 2 media"):
        network(places, video_pixel_values=torch.zeros(2, 3, 2, 42, 42))
    with pytest.raises(ValueError, match="not room for 0 media"):
        network(places)
    with pytest.raises(ValueError, match="not room for 1 media"):
        network(torch.tensor([[1, *[PICTURE] * 3]]), pixel_values=torch.zeros(1, 3, 42, 42))
    with pytest.raises(ValueError, match="two frames or more"):
        network(places, video_pixel_values=torch.zeros(1, 3, 1, 42, 42))
    with pytest.raises(ValueError, match="this network takes"):
        network(places, video_pixel_values=torch.zeros(1, 3, 2, 28, 42))


def test_a_network_for_pictures_takes_no_clips(tiny_for_pictures):
    network = load_for_pictures(tiny_for_pictures, place("cpu")).network
    with pytest.raises(ValueError, match="temporal modules"):
        network(torch.tensor([[1, *[CLIP] * 4]]), video_pixel_values=torch.zeros(1, 3, 2, 42, 42))


def test_frames_that_are_shown():
    frames = [np.full((2, 2, 3), index, np.uint8) for index in range(20)]
    assert [int(one[0, 0, 0]) for one in thinned(frames, 8)] == [1, 3, 6, 8, 11, 13, 15, 18]
    assert thinned(frames[:8], 8) == frames[:8]
    assert len(thinned(frames[:1], 8)) == 2


def test_bfloat16_is_near_float32(tiny, captioner, clips):
    rough = load(tiny, place("cpu", "bfloat16"))
    assert all(isinstance(text, str) for text in rough.caption_video(clips[:1], HINTS[:1]))
    ids = torch.tensor([captioner.words.prompt("a red <|video|> star", 4)])
    pixels = torch.randn(1, 3, 4, 42, 42, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        exact = captioner.network(ids, video_pixel_values=pixels).logits
        found = rough.network(ids, video_pixel_values=pixels.bfloat16()).logits.float()
    assert (exact - found).abs().mean() < 0.05 * exact.std()
