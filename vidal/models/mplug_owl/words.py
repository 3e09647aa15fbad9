"""The words of an mPLUG-Owl: a LLaMA's byte pairs, and places for media among them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, normalizers
from tokenizers.models import BPE

from vidal.models.mplug_owl.model import CLIP, PICTURE
from vidal.models.mplug_owl.pieces import read_pieces

MEDIA = {"<image>": PICTURE, "<|video|>": CLIP}
"""The placeholders of a prompt."""
START, END = 1, 2
"""The ids before a text and after it."""
_BYTE = re.compile("<0x([0-9A-F]{2})>")
_STRAY = re.compile("[\udc80-\udcff]")
_PLACEHOLDER = re.compile("(" + "|".join(re.escape(name) for name in MEDIA) + ")")


@dataclass(frozen=True)
class Words:
    """A LLaMA's tokenizer that reads every text as text: `</s>` written in it is not the end token."""

    backend: Tokenizer

    def encode(self, text: str) -> list[int]:
        """The ids of a text, without start and end."""
        return self.backend.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, without start and end tokens; each byte that belongs to no character becomes `\ufffd`."""
        special = {number for number, token in self.backend.get_added_tokens_decoder().items() if token.special}
        spelled = b"".join(_bytes(self.backend.id_to_token(number)) for number in ids if number not in special)
        return _STRAY.sub("\ufffd", spelled.decode("utf-8", "surrogateescape")).removeprefix(" ")

    def cut(self, text: str, most: int) -> str:
        """The beginning of a text that has at most `most` ids when it stands alone; whole characters."""
        offsets = self.backend.encode(text, add_special_tokens=False).offsets
        return text if len(offsets) <= most else text[: offsets[most][0]]

    def prompt(self, text: str, medium_length: int) -> list[int]:
        """The ids of a prompt: start, then its parts, each read on its own, with `medium_length` ids per placeholder.

        Each part gets its own blank in front, as the published processor has it.
        """
        ids = [START]
        for part in _PLACEHOLDER.split(text):
            ids += [MEDIA[part]] * medium_length if part in MEDIA else self.encode(part)
        return ids


def load_words(folder: Path) -> Words:
    """The tokenizer of a checkpoint: `tokenizer.model`, as published, or `tokenizer.json`.

    Raises ValueError if there is neither, and for one whose start and end tokens are not 1 and 2.
    """
    model, backend_file = folder / "tokenizer.model", folder / "tokenizer.json"
    if model.is_file():
        backend = _from_pieces(model)
    elif backend_file.is_file():
        backend = Tokenizer.from_file(str(backend_file))
    else:
        raise ValueError(f"{folder} holds no tokenizer.model and no tokenizer.json")
    if (backend.token_to_id("<s>"), backend.token_to_id("</s>")) != (START, END):
        raise ValueError(f"the tokens <s> and </s> of a LLaMA have the ids {START} and {END}; not so in {folder}")
    return Words(_as_llama(backend))


def _from_pieces(file: Path) -> Tokenizer:
    pieces = read_pieces(file)
    numbers = {text: number for number, text in enumerate(pieces.texts)}
    backend = Tokenizer(BPE(numbers, list(pieces.merges), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    backend.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in pieces.special])
    return backend


def _as_llama(backend: Tokenizer) -> Tokenizer:
    """Blanks are ▁, one more stands before each text, also before one that begins with a blank."""
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.pre_tokenizer = None
    backend.no_padding()
    backend.no_truncation()
    backend.encode_special_tokens = True
    return backend


def _bytes(token: str) -> bytes:
    byte = _BYTE.fullmatch(token)
    return bytes([int(byte[1], 16)]) if byte else token.replace("▁", " ").encode()
