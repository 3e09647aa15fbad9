"""Role `head`: linear heads in the layouts they are published in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vidal import models
from vidal.engine.errors import ConfigError

WEIGHT = torch.arange(6.0).reshape(1, 6) / 8
BIAS = torch.tensor([-0.5])


def test_it_is_the_linear_function_in_either_layout(tmp_path):
    """`sa_0_4_vit_l_14_linear.pth` of LAION is the state dict of torch.nn.Linear(768, 1)."""
    layer = torch.nn.Linear(6, 1)
    layer.load_state_dict({"weight": WEIGHT, "bias": BIAS})
    torch.save(layer.state_dict(), tmp_path / "linear.pth")
    save_file({"weight": WEIGHT.half(), "bias": BIAS.half()}, tmp_path / "linear.safetensors")
    embedding = [1, 0, 0.5, 0, 0, -2]
    for name in ("linear.pth", "linear.safetensors"):
        head = models.load("head", str(tmp_path / name))
        assert head.width == 6
        assert head.value(embedding) == head.value(np.array(embedding, np.float16)) == 0.125 - 1.25 - 0.5


def test_a_folder_is_that_of_its_one_file_of_weights(tmp_path):
    (tmp_path / "README.md").write_text("An aesthetic head.")
    with pytest.raises(ConfigError, match="holds 0 files of weights"):
        models.load("head", str(tmp_path))
    save_file({"weight": WEIGHT, "bias": BIAS}, tmp_path / "one.safetensors")
    assert models.load("head", str(tmp_path)).value([1, 0, 0, 0, 0, 0]) == -0.5
    torch.save({"weight": WEIGHT, "bias": BIAS}, tmp_path / "two.pth")
    with pytest.raises(ConfigError, match="holds 2 files of weights; name the one of the head"):
        models.load("head", str(tmp_path))


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"weight": WEIGHT}, "missing keys: bias"),
        ({"bias": BIAS}, "missing keys: weight"),
        ({"weight": WEIGHT, "bias": BIAS, "layers.0.weight": torch.zeros(3)}, "unexpected keys: layers.0.weight"),
        ({"weight": torch.zeros(2, 6), "bias": torch.zeros(2)}, "keys of another shape: bias, weight"),
        ({"weight": torch.zeros(6), "bias": BIAS}, "keys of another shape: weight"),
        ({"weight": torch.tensor(1.0), "bias": BIAS}, "keys of another shape: weight"),
        ({"weight": WEIGHT * torch.nan, "bias": BIAS}, "values that are no numbers"),
    ],
)
def test_what_is_no_linear_head_is_refused(tensors, said, tmp_path):
    save_file(tensors, tmp_path / "head.safetensors")
    with pytest.raises(ConfigError, match=f"head.safetensors' does not load as 'head': .*{said}") as caught:
        models.load("head", str(tmp_path / "head.safetensors"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [[WEIGHT, BIAS], {"weight": WEIGHT, "bias": "none"}, torch.nn.Linear(6, 1)])
def test_what_is_no_state_dict_is_refused(content, tmp_path):
    torch.save(content, tmp_path / "head.pth")
    with pytest.raises(ConfigError, match="does not load as 'head'"):
        models.load("head", str(tmp_path / "head.pth"))


def test_no_file_of_weights_at_all(tmp_path):
    for name in ("head.safetensors", "head.pth"):
        (tmp_path / name).write_bytes(b"no weights")
        with pytest.raises(ConfigError, match="does not load as 'head'"):
            models.load("head", str(tmp_path / name))
