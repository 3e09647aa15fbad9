"""A tiny mPLUG-Owl with random weights, stored as the published ones are."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from vidal.models.mplug_owl.config import MplugOwlConfig
from vidal.models.mplug_owl.model import MplugOwlForConditionalGeneration
from vidal.models.mplug_owl.prompt import CLIP_PROMPT, PICTURE_PROMPT

TEXTS = [CLIP_PROMPT, PICTURE_PROMPT, "a red green blue circle square star moves left right above below and spins"]
SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "initializer_range": 0.2}


def tiny_config(temporal: bool, vocabulary: int) -> MplugOwlConfig:
    """Nine patches, three queries."""
    return MplugOwlConfig(
        vision_config={**SHAPE, "intermediate_size": 48, "image_size": 42},
        visual_abstractor_config={**SHAPE, "encoder_hidden_size": 32, "intermediate_size": 40},
        text_config={**SHAPE, "intermediate_size": 48, "vocab_size": vocabulary, "max_position_embeddings": 1024},
        num_query_tokens=3,
        temporal=temporal,
        initializer_range=0.2,
    )


def random_network(config: MplugOwlConfig) -> MplugOwlForConditionalGeneration:
    """Random weights, those that start at zero or one included; what is seen weighs as much as words do."""
    torch.manual_seed(11)
    network = MplugOwlForConditionalGeneration(config)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.endswith("bias") or "norm" in name or ".ln." in name or ("up_proj" in name and weight.dim() == 5):
                weight += torch.randn_like(weight) * 0.1
    return network.eval()


def stored(folder: Path, temporal: bool) -> Path:
    """Write the checkpoint."""
    pieces, scores = trained_pieces(TEXTS)
    network = random_network(tiny_config(temporal, len(pieces)))
    (folder / "tokenizer.model").write_bytes(piece_model(pieces, scores))
    told = network.config.to_dict()
    (folder / "config.json").write_text(json.dumps(as_published(told)))
    (folder / "generation_config.json").write_text(json.dumps({"max_new_tokens": 12}))
    weights = dict(network.state_dict())
    for layer in range(2):
        weights[f"language_model.model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
    names = sorted(weights)
    shards = {"pytorch_model-00001-of-00002.bin": names[::2], "pytorch_model-00002-of-00002.bin": names[1::2]}
    for file, held in shards.items():
        torch.save({name: weights[name] for name in held}, folder / file)
    places = {name: file for file, held in shards.items() for name in held}
    index = {"metadata": {"total_size": sum(w.nbytes for w in weights.values())}, "weight_map": places}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    return folder


def as_published(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what published ones lack."""
    abstractor = {key: value for key, value in config["visual_abstractor_config"].items() if key != "mlp_width"}
    rest = {key: value for key, value in config.items() if key not in ("temporal", "initializer_range")}
    return {**rest, "visual_abstractor_config": abstractor, "architectures": ["MplugOwlForConditionalGeneration"]}


def trained_pieces(texts: Iterable[str], size: int = 120) -> tuple[list[str], list[float]]:
    """Pieces in a LLaMA's order (three special ones, the bytes, learned pieces, characters) and their scores."""
    core = Tokenizer(models.BPE())
    core.normalizer = normalizers.Replace(" ", "▁")
    core.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    core.train_from_iterator([" " + text for text in texts], trainers.BpeTrainer(vocab_size=size, show_progress=False))
    learned = json.loads(core.to_str())["model"]
    merged = ["".join(pair) for pair in learned["merges"]]
    characters = sorted(set(learned["vocab"]) - set(merged) - {"\n"})
    plain = [*dict.fromkeys(merged), *characters]
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    return special + plain, [0.0] * len(special) + [-float(rank) for rank in range(len(plain))]


def piece_model(pieces: list[str], scores: list[float], kind: int = 2, squeezed: int = 0) -> bytes:
    """A sentencepiece model file of byte pairs."""
    body = b""
    for number, (text, score) in enumerate(zip(pieces, scores, strict=True)):
        of_type = 2 if number == 0 else 3 if number < 3 else 6 if number < 259 else 1
        spelled = text.encode()
        body += _field(
            1, b"\x0a" + bytes([len(spelled)]) + spelled + b"\x15" + struct.pack("<f", score) + _int(3, of_type)
        )
    return body + _field(2, _int(3, kind)) + _field(3, b"\x0a\x08identity" + _int(3, 1) + _int(4, squeezed))


def _int(number: int, value: int) -> bytes:
    return bytes([number << 3, value])


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value
