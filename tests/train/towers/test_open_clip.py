"""Towers begun from a CLIP of open_clip."""

from __future__ import annotations

import math

import pytest
import torch

from vidal import models
from vidal.train.towers.lora import merged
from vidal.train.towers.open_clip import initialised
from vidal.train.transforms.square import MEAN, STD

SIDE = 64


@pytest.fixture(scope="module")
def clip():
    return models.load("clip", "demo:clip", device="cpu").network


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    """As a tower is shown them."""
    return torch.randn(6, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def as_clip_sees(network, pictures: torch.Tensor) -> torch.Tensor:
    """The same pictures in the CLIP's own colours."""
    mean, std, own_mean, own_std = (
        torch.tensor(values)[:, None, None]
        for values in (MEAN, STD, network.visual.image_mean, network.visual.image_std)
    )
    return (pictures * std + mean - own_mean) / own_std


def test_a_tower_of_pictures_says_what_the_clip_says(clip, pictures):
    model = initialised(clip, {}).eval()
    ids = torch.randint(3, 500, (4, 32), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(
            model.encode(pictures), clip.encode_image(as_clip_sees(clip, pictures)), atol=1e-4, rtol=1e-4
        )
        torch.testing.assert_close(model.encode_text(ids), clip.encode_text(ids), atol=1e-4, rtol=1e-4)
    assert float(model.logit_scale) == pytest.approx(math.log(1 / 0.07))


@pytest.mark.parametrize("rank", [0, 4])
def test_lora_changes_nothing_before_it_is_trained(clip, pictures, rank):
    with torch.inference_mode():
        found = initialised(clip, {"lora_r": rank}).eval().encode(pictures)
        torch.testing.assert_close(found, clip.encode_image(as_clip_sees(clip, pictures)), atol=1e-4, rtol=1e-4)


def test_attention_over_time_begins_as_a_copy(clip):
    model = initialised(clip, {"add_time_attn": True, "num_frames": 4, "clip_type": "vl_new", "lora_r": 2})
    layers = model.vision_model.encoder.base_model.model.layers
    for layer in layers:
        copied = layer.temporal_attn.q_proj.base_layer.weight
        assert torch.equal(copied, layer.self_attn.q_proj.weight)
        assert torch.equal(layer.temporal_layer_norm1.bias, layer.layer_norm1.bias)
        assert layer.temporal_embedding.std() > 0.05
    embeddings = model.vision_model.embeddings
    assert embeddings.class_embedding.shape == (4, 128) and embeddings.patch_embedding.weight.shape[2] == 1
    assert torch.equal(embeddings.class_embedding[0], embeddings.class_embedding[3])
    assert torch.equal(embeddings.class_embedding[0], clip.visual.class_embedding)


def test_positions_are_resized_to_a_spectrogram(clip):
    model = initialised(clip, {"num_mel_bins": 32, "target_length": 128})
    assert model.vision_model.embeddings.position_embedding.weight.shape == (1 + 4 * 16, 128)
    assert model.encode(torch.randn(2, 3, 32, 128)).shape == (2, 128)


def test_merged_lora_is_the_same_function(clip, pictures):
    torch.manual_seed(0)
    model = initialised(clip, {"lora_r": 4}).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.05)
    with torch.inference_mode():
        before = model.encode(pictures)
        merged(model.vision_model)
        assert not any("lora" in name for name in model.state_dict())
        torch.testing.assert_close(model.encode(pictures), before, atol=1e-4, rtol=1e-4)
        assert not torch.allclose(before, clip.encode_image(as_clip_sees(clip, pictures)), atol=1e-2)


def test_a_clip_of_another_length_is_refused(clip, pictures):
    model = initialised(clip, {"add_time_attn": True, "num_frames": 4})
    with pytest.raises(ValueError, match="a clip of 3 frames for a network of 4"):
        model.encode(pictures[None, :3].transpose(1, 2))


def test_checkpointing_gives_the_same_gradients(clip, pictures):
    grads = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        model = initialised(clip, {"add_time_attn": True, "num_frames": 3}).train()
        model.vision_model.encoder.checkpointing = checkpointing
        model.encode(pictures.reshape(2, 3, 3, SIDE, SIDE).transpose(1, 2)).pow(2).sum().backward()
        grads.append(model.vision_model.encoder.layers[0].temporal_attn.q_proj.weight.grad)
    torch.testing.assert_close(*grads)


def test_what_is_no_clip_is_refused():
    class Other(torch.nn.Module):
        visual = torch.nn.Linear(1, 1)

    with pytest.raises(ValueError, match="no CLIP of a vision and a text transformer"):
        initialised(Other(), {})
