"""Tiny random checkpoints for the roles that the demo has none of, and of other shapes than the demo's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vidal import models

CLIP = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "layers": 1, "width": 32, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 1, "layers": 1},
}
"""A CLIP with open_clip's own tokenizer."""
LABELS = ("Speech", "Dog", "Music", "Siren")


def architecture(folder: Path, name: str) -> None:
    """Make CLIP known to open_clip under `name`, for as long as this process lives."""
    import open_clip

    (folder / f"{name}.json").write_text(json.dumps(CLIP))
    open_clip.add_model_config(folder / f"{name}.json")


def clip_weights(name: str, **how: Any) -> dict[str, Any]:
    """Random weights of an architecture of open_clip."""
    import open_clip
    import torch

    torch.manual_seed(0)
    return open_clip.create_model(name, **how).state_dict()


def clap(folder: Path, fusion: bool, safe: bool = True) -> Path:
    """A ClapModel; with `fusion`, its extractor gives four spectrograms of a sound where others give one."""
    import torch
    from transformers import AutoTokenizer, ClapConfig, ClapFeatureExtractor, ClapModel, ClapProcessor

    words = AutoTokenizer.from_pretrained(models.resolve("demo:clap"))
    extractor = ClapFeatureExtractor(
        feature_size=32, sampling_rate=24000, hop_length=480, max_length_s=2, fft_window_size=1024,
        frequency_max=12000, truncation="fusion" if fusion else "rand_trunc", padding="repeatpad",
    )  # fmt: skip
    audio = {
        "num_mel_bins": 32, "spec_size": 64, "window_size": 4, "patch_embeds_hidden_size": 16, "depths": [1, 1],
        "num_attention_heads": [1, 2], "hidden_size": 32, "num_classes": 3, "enable_fusion": fusion,
        "fusion_type": "aff_2d" if fusion else None,
    }  # fmt: skip
    text = {
        "vocab_size": len(words), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1,
        "intermediate_size": 32, "max_position_embeddings": len(words) + 40, "pad_token_id": words.pad_token_id,
        "bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id,
    }  # fmt: skip
    torch.manual_seed(0)
    network = ClapModel(ClapConfig(audio_config=audio, text_config=text, projection_dim=24))
    _livelier(network)
    ClapProcessor(feature_extractor=extractor, tokenizer=words).save_pretrained(folder)
    return saved(network, folder, safe)


def tagger(folder: Path, labels: Sequence[str] = LABELS, **config: Any) -> Path:
    """An Audio Spectrogram Transformer that hears 1.28 seconds at a time."""
    import torch
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: place for place, label in enumerate(labels)}}
    torch.manual_seed(0)
    network = ASTForAudioClassification(ASTConfig(**shape, **names, max_length=128, num_mel_bins=32, **config))
    _livelier(network)
    ASTFeatureExtractor(num_mel_bins=32, max_length=128).save_pretrained(folder)
    return saved(network, folder)


def detector(folder: Path) -> Path:
    """A PP-OCR text detector."""
    import torch
    from transformers import PPOCRV5MobileDetConfig, PPOCRV5MobileDetForObjectDetection
    from transformers.models.pp_ocrv5_server_det import PPOCRV5ServerDetImageProcessor

    backbone = {
        "model_type": "pp_lcnet_v3", "scale": 0.25, "divisor": 4,
        "out_features": ["stage2", "stage3", "stage4", "stage5"], "out_indices": [2, 3, 4, 5],
    }  # fmt: skip
    torch.manual_seed(0)
    network = PPOCRV5MobileDetForObjectDetection(
        PPOCRV5MobileDetConfig(backbone_config=backbone, neck_out_channels=16, layer_list_out_channels=[4, 6, 8, 16])
    )
    _livelier(network)
    _settle(network, torch.randn(2, 3, 64, 64))
    PPOCRV5ServerDetImageProcessor().save_pretrained(folder)
    return saved(network, folder)


def head(folder: Path, width: int = 128) -> Path:
    """A linear head."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(exist_ok=True)
    weight = torch.randn(1, width, generator=torch.Generator().manual_seed(0))
    save_file({"weight": weight, "bias": torch.tensor([0.5])}, folder / "model.safetensors")
    return folder


def saved(network: Any, folder: Path, safe: bool = True) -> Path:
    """Write config and weights, the weights as safetensors or as torch.save leaves them."""
    import torch

    network.eval().save_pretrained(folder)
    if not safe:
        (folder / "model.safetensors").unlink()
        torch.save(network.state_dict(), folder / "pytorch_model.bin")
    return folder


def _livelier(network: Any) -> None:
    """Weights so large that what goes in shows in what comes out: fresh networks answer all inputs nearly alike."""
    import torch

    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.normal_(0.0, weight[0].numel() ** -0.5 * 1.7)


def _settle(network: Any, pixels: Any) -> None:
    """Let the batch norms of a network take the measure of what goes through it."""
    import torch

    network.train()
    with torch.no_grad():
        for _ in range(40):
            network(pixel_values=pixels)
    network.eval()


def captioned(picture: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The picture with a line of letters written over it, and where it stands: bool [H, W]."""
    from PIL import Image, ImageDraw, ImageFont

    height, width = picture.shape[:2]
    image, mask = Image.fromarray(picture), Image.new("1", (width, height))
    letters = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 12))
    font = ImageFont.load_default(int(rng.integers(14, 22)))
    at = (int(rng.integers(0, width // 4)), int(rng.integers(0, height - 24)))
    ImageDraw.Draw(image).text(at, letters, font=font, fill="white", stroke_width=1, stroke_fill="black")
    ImageDraw.Draw(mask).rectangle(ImageDraw.Draw(mask).textbbox(at, letters, font=font), fill=1)
    return np.asarray(image), np.asarray(mask)


def taught_detector(folder: Path, pictures: Sequence[np.ndarray], steps: int = 200) -> Path:
    """A PP-OCR text detector that has learnt to tell drawn captions on the pictures, all of one size."""
    import torch

    model = models.load("text_detector", str(detector(folder)), device="cpu")
    network, rng = model.network.train().requires_grad_(), np.random.default_rng(0)
    learning = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(steps):
        pixels, masks = [], []
        for number in rng.integers(len(pictures), size=8):
            plain = pictures[number], np.zeros(pictures[number].shape[:2], bool)
            picture, mask = captioned(pictures[number], rng) if rng.random() < 0.7 else plain
            pixels.append(model.pixels(picture))
            masks.append(torch.from_numpy(mask.astype(np.float32)))
        wanted = torch.stack(masks)[:, None]
        with torch.enable_grad():
            found = network(pixel_values=torch.from_numpy(np.stack(pixels))).last_hidden_state
            wanted = torch.nn.functional.interpolate(wanted, size=found.shape[2:])
            loss = torch.nn.functional.binary_cross_entropy(found, wanted)
        learning.zero_grad()
        loss.backward()
        learning.step()
    return saved(network, folder)
