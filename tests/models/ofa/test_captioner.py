"""The role: a checkpoint in the published layout to captions that depend on their own picture alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vidal.models.ofa.captioner import OFAWithOriginalStopRule, load
from vidal.models.ofa.tokenizer import OFATokenizer
from vidal.models.options import Options
from vidal.models.place import place


@pytest.fixture(scope="module")
def captioner(tiny):
    return load(tiny, place("cpu"))


def changed(tiny: Path, folder: Path, change) -> Path:
    """A copy of the checkpoint after `change` of its weights, which returns them."""
    shutil.copytree(tiny, folder)
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save(change(weights), folder / "pytorch_model.bin")
    return folder


def test_captions_differ_with_the_picture_and_only_with_it(captioner, pictures):
    together = captioner.caption_images(pictures)
    assert len(set(together)) > 3 and all(text == text.strip() and "<" not in text for text in together)
    assert captioner.caption_images(pictures[::-1]) == together[::-1]
    assert [captioner.caption_images([picture])[0] for picture in pictures] == together
    for batch in (1, 3, 16):
        assert replace(captioner, place=replace(captioner.place, batch=batch)).caption_images(pictures) == together
    assert captioner.caption_images([]) == []


def test_safetensors_and_one_name_of_the_shared_matrix_are_enough(tiny, tmp_path, captioner, pictures):
    told = captioner.caption_images(pictures[:2])
    captioner.network.save_pretrained(tmp_path / "saved")
    captioner.tokenizer.save_pretrained(tmp_path / "saved")
    assert load(tmp_path / "saved", place("cpu")).caption_images(pictures[:2]) == told
    names = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "decoder.output_projection.weight"]
    for kept in names:
        folder = shutil.copytree(tiny, tmp_path / kept)
        weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
        (folder / "pytorch_model.bin").unlink()
        weights = {name: value.clone() for name, value in weights.items() if name == kept or name not in names}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        found = load(folder, place("cpu"))
        assert found.caption_images(pictures[:2]) == told
        assert len({found.network.get_parameter(name).data_ptr() for name in names}) == 1


def test_weights_that_do_not_fit_are_refused_by_name(tiny, tmp_path):
    def spoilt(weights):
        del weights["encoder.layers.1.self_attn.c_attn"]
        weights["decoder.layers.0.fc1.weight"] = torch.zeros(3, 3)
        return {**weights, "encoder.stray": torch.zeros(1)}

    with pytest.raises(ValueError) as caught:
        load(changed(tiny, tmp_path / "changed", spoilt), place("cpu"))
    message = str(caught.value)
    assert "missing keys: encoder.layers.1.self_attn.c_attn" in message
    assert "unexpected keys: encoder.stray" in message
    assert "keys of another shape: decoder.layers.0.fc1.weight" in message


def test_names_of_one_matrix_that_differ_are_refused(tiny, tmp_path):
    def differing(weights):
        return {**weights, "decoder.output_projection.weight": weights["decoder.output_projection.weight"] + 1.0}

    with pytest.raises(ValueError, match="different values of one matrix"):
        load(changed(tiny, tmp_path / "changed", differing), place("cpu"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("normformer", False),
        ("entangle_position_embedding", True),
        ("activation_function", "relu"),
        ("resnet_type", "resnet20"),
        ("d_model", 33),
    ],
)
def test_a_network_of_another_form_is_refused(tiny, tmp_path, key, value):
    folder = shutil.copytree(tiny, tmp_path / "changed")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, key: value}))
    with pytest.raises(Exception, match=key):
        load(folder, place("cpu"))


def test_compat_changes_the_stop_rule_only(tiny, captioner):
    found = load(tiny, place("cpu"), Options(compat=True))
    assert isinstance(found.network, OFAWithOriginalStopRule)
    assert not isinstance(captioner.network, OFAWithOriginalStopRule)
    own, other = captioner.network.state_dict(), found.network.state_dict()
    assert own.keys() == other.keys() and all(torch.equal(own[name], other[name]) for name in own)
    assert found.tokenizer.get_vocab() == captioner.tokenizer.get_vocab()


def test_the_length_is_the_checkpoint_s_or_twenty(tiny, tmp_path, captioner, pictures, monkeypatch):
    def longest(model) -> int:
        seen = []
        generate = model.network.generate
        monkeypatch.setattr(model.network, "generate", lambda **given: seen.append(generate(**given)) or seen[-1])
        model.caption_images(pictures)
        return max(tokens.shape[1] for tokens in seen)

    assert longest(captioner) == 20
    folder = shutil.copytree(tiny, tmp_path / "short")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_length": 6, "use_cache": False}))
    assert longest(load(folder, place("cpu"))) == 6


def test_a_batch_is_its_rows(captioner):
    network = captioner.network
    rng = torch.Generator().manual_seed(0)
    pixels = torch.rand(6, 3, 64, 64, generator=rng) * 2 - 1
    prompts = torch.randint(4, 300, (6, 9), generator=rng)
    for row in range(6):
        prompts[row, 3 + row :] = network.config.pad_token_id
    written = torch.randint(4, 300, (6, 7), generator=rng)
    with torch.inference_mode():
        together = network(prompts, pixels, written).logits
        padded = torch.nn.functional.pad(prompts, (0, 5), value=network.config.pad_token_id)
        torch.testing.assert_close(network(padded, pixels, written).logits, together, atol=1e-4, rtol=0)
        order = torch.tensor([4, 0, 5, 2, 1, 3])
        shuffled = network(prompts[order], pixels[order], written[order]).logits
        torch.testing.assert_close(shuffled, together[order], atol=1e-4, rtol=0)
        for row in range(6):
            alone = network(prompts[row : row + 1, : 3 + row], pixels[row : row + 1], written[row : row + 1]).logits
            torch.testing.assert_close(alone[0], together[row], atol=1e-4, rtol=0)
    assert together.std() > 0.1


def test_what_is_read_is_not_repeated_for_beams(captioner):
    seen = []
    first = captioner.network.decoder.layers[0]
    hook = first.register_forward_hook(lambda _, arguments, __: seen.append((arguments[0].shape, arguments[2].shape)))
    captioner.caption_images([np.zeros((64, 64, 3), np.uint8)])
    hook.remove()
    assert {hidden[0] for hidden, _ in seen} == {8 * 5} and {encoded[0] for _, encoded in seen} == {8}
    assert {hidden[1] for hidden, _ in seen} == {1}


def test_pictures_and_texts_that_are_too_large_are_refused(captioner):
    network = captioner.network
    with pytest.raises(ValueError, match="7 x 4 positions; this OFA has 6 x 6"):
        network(torch.zeros(1, 4, dtype=torch.long), torch.zeros(1, 3, 112, 64), torch.zeros(1, 1, dtype=torch.long))
    with pytest.raises(ValueError, match="text of 65 tokens"):
        network(torch.zeros(1, 65, dtype=torch.long), torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, dtype=torch.long))


def test_bfloat16_is_near_float32(tiny, captioner, pictures):
    rough = load(tiny, place("cpu", "bfloat16"))
    assert all(isinstance(text, str) for text in rough.caption_images(pictures[:1]))
    prompt = torch.tensor([captioner.tokenizer(" a red circle")["input_ids"]])
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        exact = captioner.network(prompt, pixels, prompt).logits
        found = rough.network(prompt, pixels.bfloat16(), prompt).logits.float()
    assert (exact - found).abs().mean() < 0.05 * exact.std()


def test_the_tokenizer_written_again_is_the_same(tiny, tmp_path):
    published = OFATokenizer.from_pretrained(tiny)
    published.save_pretrained(tmp_path)
    again = OFATokenizer.from_pretrained(tmp_path)
    texts = [" what does the image describe?", "a <code_5> red <bin_7><bin_8> star", " <mask> blue", "", "é\n<s>"]
    for text in texts:
        ids = published(text)["input_ids"]
        assert again(text)["input_ids"] == ids and again.decode(ids) == published.decode(ids)
