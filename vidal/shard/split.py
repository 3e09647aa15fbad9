"""Which samples are held out for validation: a pure function of the id, so that a sample never changes sides."""

from __future__ import annotations

import hashlib

TRAIN, VALIDATION = "train", "validation"
INFIXES = {TRAIN: "", VALIDATION: "validation-"}
"""What stands before the number in the names of a split's shards."""


def split_of(place: str, share: float) -> str:
    """The split of a sample by the hash of its id (`ordering.place`), which is all that a list of take-downs keeps.

    The hash is hashed once more: places order the parts, and a split must be a fair draw of each. Neither the seed nor
    other samples matter; a greater share holds out more samples and none fewer.
    """
    drawn = int.from_bytes(hashlib.sha256(f"split:{place}".encode()).digest()[:8], "big")
    return VALIDATION if drawn < share * 2**64 else TRAIN
