"""A sentencepiece model file, of the one kind that LLaMAs have, read without its library.

The file is a protocol buffer (sentencepiece_model.proto): field 1, repeated, a piece (1 its text, 2 its score, 3 its
type); field 2 the training settings (3 the kind of model); field 3 the normaliser (2 a character map, 3 whether a blank
is put before the text, 4 whether blanks are squeezed).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
_BPE = 2


@dataclass(frozen=True)
class Pieces:
    """The pieces in the order of their ids; which of them no text becomes; the merges, the first to be done first."""

    texts: tuple[str, ...]
    special: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]


def read_pieces(file: Path) -> Pieces:
    """The pieces of a byte-pair model that puts a blank before each text and changes nothing else of it.

    Raises ValueError for any other kind, and for a file that is no sentencepiece model.
    """
    try:
        fields = list(_fields(file.read_bytes()))
        pieces = [dict(_fields(value)) for number, value in fields if number == 1]
        training = dict(_fields(next(value for number, value in fields if number == 2)))
        normaliser = dict(_fields(next(value for number, value in fields if number == 3)))
        texts = tuple(piece[1].decode() for piece in pieces)
    except (IndexError, KeyError, StopIteration, TypeError, ValueError, struct.error) as error:
        raise ValueError(f"{file.name} is no sentencepiece model") from error
    kinds = [piece.get(3, _NORMAL) for piece in pieces]
    plain = normaliser.get(3, 1) == 1 and normaliser.get(4, 1) == 0 and not normaliser.get(2)
    if training.get(3) != _BPE or not plain or not set(kinds) <= {_NORMAL, _UNKNOWN, _CONTROL, _BYTE}:
        raise ValueError(f"{file.name} is not the tokenizer of a LLaMA: byte pairs, a blank before the text, no more")
    scores = {
        text: piece.get(2, 0.0) for text, piece, kind in zip(texts, pieces, kinds, strict=True) if kind == _NORMAL
    }
    special = tuple(text for text, kind in zip(texts, kinds, strict=True) if kind in (_UNKNOWN, _CONTROL))
    return Pieces(texts, special, tuple(_merges(scores)))


def _merges(scores: dict[str, float]) -> Iterator[tuple[str, str]]:
    for text in sorted(scores, key=scores.__getitem__, reverse=True):
        for cut in range(1, len(text)):
            if text[:cut] in scores and text[cut:] in scores:
                yield text[:cut], text[cut:]


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field of a message: integers, floats, or bytes."""
    at = 0
    while at < len(data):
        key, at = _integer(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _integer(data, at)
        elif wire == 2:
            length, at = _integer(data, at)
            value, at = data[at : at + length], at + length
        elif wire in (1, 5):
            value, at = struct.unpack_from("<d" if wire == 1 else "<f", data, at)[0], at + (8 if wire == 1 else 4)
        else:
            raise ValueError(f"wire type {wire}")
        yield number, value


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer at `at`, and where the next byte is."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
