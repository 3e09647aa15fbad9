"""Tokenizers that make ids and no sense, for networks of which the configuration is known and the words are not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
ROBERTA = ("<s>", "<pad>", "</s>", "<unk>")
"""Special tokens, in the order of their ids."""


def vocabulary(size: int, first: tuple[str, ...], placed: Mapping[str, int] | None = None) -> dict[str, int]:
    """`size` words: those of `first`, the characters that stand for bytes, and as many others as are left; those
    `placed` have the ids given."""
    from tokenizers.pre_tokenizers import ByteLevel

    begin = [*first, *sorted(ByteLevel.alphabet())]
    words = [*begin, *(f"word {number}" for number in range(size - len(begin)))]
    for word, number in (placed or {}).items():
        words[number] = word
    return {word: number for number, word in enumerate(words)}


def tokenizer(size: int, special: tuple[str, str, str, str]) -> Any:
    """A tokenizer of bytes, without merges, that puts what BERT or RoBERTa puts around a text."""
    from tokenizers.processors import TemplateProcessing

    numbers = vocabulary(size, special)
    start, end = (special[0], special[2]) if special is ROBERTA else special[2:]
    named = {"bos_token": start, "cls_token": start, "eos_token": end, "sep_token": end}
    rest = {f"{kind}_token": name for kind in ("pad", "unk") for name in special if kind in name.lower()}
    backend = _of_bytes(numbers, rest["unk_token"])
    backend.post_processor = TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=[(start, numbers[start]), (end, numbers[end])]
    )
    return _wrapped(backend, model_max_length=512, **named, **rest)


def chat_tokenizer(size: int, placed: Mapping[str, int], end: str, pad: str, **media: str) -> Any:
    """A tokenizer of bytes with the tokens of a chat at the ids `placed`; `media` are its attributes."""
    from tokenizers import AddedToken

    backend = _of_bytes(vocabulary(size, (), placed), None)
    backend.add_special_tokens([AddedToken(word, normalized=False, special=True) for word in placed])
    return _wrapped(backend, eos_token=end, pad_token=pad, extra_special_tokens=media)


def _of_bytes(numbers: dict[str, int], unknown: str | None) -> Any:
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE

    backend = Tokenizer(BPE(numbers, [], unk_token=unknown))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return backend


def _wrapped(backend: Any, **how: Any) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_object=backend, **how)
