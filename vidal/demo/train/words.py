"""Tokenizer files in the forms of the published captioners, made of the demo world's words.

Each word of the world and of the prompt is one token, and any other text is spelled out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vidal.demo import language


def write_bpe(folder: Path, prompt: str) -> None:
    """`vocab.json` and `merges.txt`: byte-level BPE with the special tokens of BART, as an OFA has."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    learned, merges = _learned(core, [*language.vocabulary(), *prompt.split()], alphabet)
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *learned, "<mask>"]
    numbers = {piece: number for number, piece in enumerate(pieces)}
    (folder / "vocab.json").write_text(json.dumps(numbers, ensure_ascii=False) + "\n", encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")


def write_pieces(folder: Path, prompt: str) -> None:
    """`tokenizer.model`: a sentencepiece model of byte pairs with bytes for what it does not know, as a LLaMA has."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers.utils.sentencepiece_model_pb2_new import ModelProto

    core = Tokenizer(models.BPE())
    core.normalizer = normalizers.Replace(" ", "▁")
    core.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    words = language.vocabulary()
    texts = [form for word in words for form in (word, word.capitalize(), f"#{word}")] + prompt.split()
    learned, merges = _learned(core, [f" {text}" for text in texts], [])
    merged = list(dict.fromkeys("".join(pair) for pair in merges))
    plain = [*merged, *sorted(set(learned) - set(merged))]
    model = ModelProto()
    types = ModelProto.SentencePiece
    for text, kind in (("<unk>", types.UNKNOWN), ("<s>", types.CONTROL), ("</s>", types.CONTROL)):
        model.pieces.add(piece=text, score=0.0, type=kind)
    for byte in range(256):
        model.pieces.add(piece=f"<0x{byte:02X}>", score=0.0, type=types.BYTE)
    for rank, text in enumerate(plain):
        model.pieces.add(piece=text, score=-float(rank), type=types.NORMAL)
    model.trainer_spec.model_type = model.trainer_spec.BPE
    model.trainer_spec.byte_fallback = True
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.remove_extra_whitespaces = False
    (folder / "tokenizer.model").write_bytes(model.SerializeToString(deterministic=True))


def _learned(core: Any, texts: Iterable[str], alphabet: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """The tokens in the order of their ids and the merges, the first to be done first, of a BPE trained on texts."""
    from tokenizers import trainers

    trainer = trainers.BpeTrainer(vocab_size=4096, initial_alphabet=alphabet, show_progress=False)
    core.train_from_iterator(texts, trainer)
    model = json.loads(core.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].get), [tuple(pair) for pair in model["merges"]]
