"""Texts as token ids."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from vidal.engine.errors import ConfigError, MissingError
from vidal.train.transforms.captions import LONGEST, repaired

TOKENIZER, VOCABULARY, MERGES = "tokenizer.json", "vocab.json", "merges.txt"
_CLIP_MERGES = "bpe_simple_vocab_16e6.txt.gz"
_CLIP_MERGE_LINES = slice(1, 48895)
"""The lines of that file, after its first, that CLIP's vocabulary of 49,408 is made of."""
_START, _END = "<|startoftext|>", "<|endoftext|>"


class Words:
    """The tokenizer of a checkpoint, or CLIP's.

    That of a checkpoint is in its folder as `tokenizer.json`, else as `vocab.json` and `merges.txt`; where there is
    none, or no folder is given, it is CLIP's own, from the merges that come with open_clip. Nothing is downloaded and
    no code of a checkpoint runs. `size` is how many ids there are.

    `compat` lets a text that spells a special token, such as `<|endoftext|>`, have it, as the published tokenizer does;
    otherwise it is text like any other, so that no title can end itself.

    Raises ConfigError, naming the folder, for a tokenizer that cannot be read, that has no token for padding, or whose
    ending token is not the greatest of its ids: the text tower is read where that stands.
    """

    def __init__(self, folder: Path | None = None, length: int = 77, compat: bool = False) -> None:
        self.length = length
        self._tokenizer = _loaded(folder)
        self._tokenizer.split_special_tokens = not compat
        self.size = len(self._tokenizer)
        _check(self._tokenizer, folder)

    def save(self, folder: Path) -> None:
        """Write the tokenizer beside a checkpoint, as it is read again."""
        self._tokenizer.save_pretrained(folder)

    def ids(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Texts, repaired, to ids int64 [n, length] and a mask int64 of the same shape, 1 where a token is no padding.

        What exceeds the length is cut, and the ending token kept.
        """
        found = self._tokenizer(
            [repaired(text[:LONGEST]) for text in texts],
            padding="max_length", truncation=True, max_length=self.length, return_tensors="pt",
        )  # fmt: skip
        return found["input_ids"], found["attention_mask"]


def _loaded(folder: Path | None) -> Any:
    from transformers import CLIPTokenizer, PreTrainedTokenizerFast

    if folder is None:
        return _clip()
    try:
        if (folder / TOKENIZER).is_file():
            return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
        if (folder / VOCABULARY).is_file():
            return CLIPTokenizer(vocab=str(folder / VOCABULARY), merges=str(folder / MERGES))
    except Exception as error:  # the tokenizers library raises plain Exception
        raise ConfigError(f"{folder} holds a tokenizer that cannot be read: {error}") from error
    return _clip()


def _clip() -> Any:
    """CLIP's tokenizer: bytes, bytes that end a word, the merges in their order, and two special tokens."""
    from transformers import CLIPTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    spec = find_spec("open_clip")
    if spec is None or spec.origin is None:
        raise MissingError("open_clip_torch is not installed, and CLIP's vocabulary comes with it")
    with gzip.open(Path(spec.origin).with_name(_CLIP_MERGES), "rt", encoding="utf-8") as lines:
        merges = [tuple(line.split()) for line in lines.read().split("\n")[_CLIP_MERGE_LINES]]
    letters = list(bytes_to_unicode().values())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *map("".join, merges), _START, _END]
    return CLIPTokenizer(vocab={token: id_ for id_, token in enumerate(tokens)}, merges=merges)


def _check(tokenizer: Any, folder: Path | None) -> None:
    if tokenizer.pad_token_id is None:
        raise ConfigError(f"{folder} holds a tokenizer without a token for padding")
    ids = tokenizer("a")["input_ids"]
    if ids[-1] != max(ids) or ids[-1] != len(tokenizer) - 1:
        raise ConfigError(f"{folder} holds a tokenizer that does not end a text with its greatest id")
