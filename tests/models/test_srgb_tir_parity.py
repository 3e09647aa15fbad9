"""The sRGB-TIR generator against numbers recorded from the published implementation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from vidal import models
from vidal.models import infrared
from vidal.models.srgb_tir import Generator, GeneratorConfig, Translator

PARITY = Path(__file__).parents[3] / "shared" / "parity" / "srgb-tir"
SMALL = GeneratorConfig(dim=6, mlp_dim=24)

pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason="the parity fixtures (../shared/parity) are not here")


def recorded(name: str) -> dict[str, torch.Tensor]:
    return load_file(PARITY / "generators-small" / f"{name}.safetensors")


@pytest.mark.parametrize("case", ["0", "1"])
def test_codes_parameters_and_pictures(case):
    network = Translator(SMALL).eval()
    network.load_state_dict(recorded("weights"))
    inputs, outputs = recorded("inputs"), recorded("outputs")
    style = inputs[f"{case}.style"]

    def near(found: torch.Tensor, name: str, tolerance: float) -> None:
        torch.testing.assert_close(found, outputs[f"{case}.{name}"], rtol=0.0, atol=tolerance)

    with torch.inference_mode():
        for side in "ab":
            generator, other = getattr(network, side), getattr(network, "ba"["ab".index(side)])
            picture = inputs[f"{case}.x_{side}"]
            content, own_style = generator.enc_content(picture), generator.enc_style(picture)
            near(content, f"content_{side}", 2e-5)
            near(own_style, f"style_{side}", 2e-5)
            near(generator.mlp(style), f"adain_params_of_decoder_{side}", 2e-5)
            near(generator.decode(content, own_style), f"recon_{side}", 1e-5)
            near(other.decode(content, style), "a2b" if side == "a" else "b2a", 1e-5)
        near(network(inputs[f"{case}.x_b"], style), "b2a", 1e-5)


def test_full_size_keys_and_shapes():
    wanted = json.loads((PARITY / "keys-srgb-tir.json").read_text())
    with torch.device("meta"):
        generator = Generator(GeneratorConfig())
    found = {key: list(value.shape) for key, value in generator.state_dict().items()}
    assert found == {key: entry["shape"] for key, entry in wanted["generator_tensors"].items()}
    assert sum(weight.numel() for weight in generator.parameters()) == wanted["n_parameters_per_generator"]


def test_the_published_layout_loads_and_translates_alike(tmp_path):
    weights = recorded("weights")
    sides = {side: {key[2:]: value for key, value in weights.items() if key.startswith(side)} for side in "ab"}
    sides["b"]["enc_content.model.0.norm.running_mean"] = torch.zeros(6)
    (tmp_path / "config.json").write_text(json.dumps({"dim": 6, "mlp_dim": 24, "short_side": 48}))
    torch.save(sides, tmp_path / "translation_weights.pt")
    model = models.load("infrared", str(tmp_path), device="cpu")
    frame = ((recorded("inputs")["0.x_b"][0] + 1.0) * 127.5).round().byte().permute(1, 2, 0).numpy()
    (found,) = model.translate([frame], seed=1)
    style = torch.randn(1, 8, 1, 1, generator=torch.Generator().manual_seed(1))
    network = Translator(SMALL).eval()
    network.load_state_dict(weights)
    with torch.inference_mode():
        rgb = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 127.5 - 1.0
        expected = ((network(rgb, style)[0] + 1.0) * 127.5).round().byte().permute(1, 2, 0).numpy()
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("case", ["thermal-frame-landscape", "thermal-frame-portrait"])
def test_a_frame_by_the_original_recipe(tmp_path, case):
    """At most one level apart, on under 0.1 % of the values."""
    folder = PARITY / case
    save_file(recorded("weights"), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"dim": 6, "mlp_dim": 24}))
    model = models.load("infrared", str(tmp_path), device="cpu")
    expected = np.asarray(Image.open(folder / "0.png").convert("RGB"))
    frame = np.asarray(Image.open(folder / "frame.png").convert("RGB"))
    style = load_file(folder / "tensors.safetensors")["style"].numpy()
    thermal = model._forward(frame[None], style, (400, 640), expected.shape[:2], antialias=False)
    (found,) = infrared._pixels(infrared._stretched(thermal))
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= 1 and (difference > 0).mean() < 0.001
