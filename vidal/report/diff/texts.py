"""Texts that changed, with the words that went and those that came."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from vidal.engine.errors import VidalError
from vidal.report.diff.members import MemberChange, series
from vidal.report.diff.pairing import Pairing
from vidal.report.diff.sides import ShardSide
from vidal.shard.access import Sample

EXAMPLES = 3
"""Samples of each view whose texts are read: the first in the order of A's shards, in which vidal puts samples by a
hash."""
LONGEST = 64_000
"""Bytes of the longest text that is read."""
WORDS = 300
"""Words of a text that are compared."""
SAME, OLD, NEW = "same", "old", "new"


@dataclass(frozen=True)
class Words:
    """Some words in a row: of both texts, of the old or of the new."""

    of: str
    text: str


@dataclass(frozen=True)
class Example:
    """A text of one sample, old and new as one line of words; `wrong` says why it could not be read."""

    key: str
    member: str
    words: tuple[Words, ...]
    wrong: str = ""


@dataclass(frozen=True)
class TextChange:
    """A view of texts, and examples of how it changed."""

    change: MemberChange
    examples: tuple[Example, ...]


def texts(
    first: ShardSide, second: ShardSide, pairing: Pairing, changes: Sequence[MemberChange]
) -> tuple[TextChange, ...]:
    """Every series of texts among the members that changed, and EXAMPLES of each."""
    views = [one for one in changes if one.name.rpartition(".")[2] == "txt" and one.some]
    rows = [row for view in views for row in view.changed.rows[:EXAMPLES].tolist()]
    pairs = zip(first.samples(rows), second.samples([pairing.other(row) for row in rows]), strict=True)
    return tuple(
        TextChange(view, tuple(_example(*next(pairs), view.name) for _ in view.changed.rows[:EXAMPLES]))
        for view in views
    )


def compared(old: str, new: str) -> tuple[Words, ...]:
    """Two texts as one line: what both have, what the old alone has, and what the new."""
    before, after = _cut(old), _cut(new)
    found = []
    for tag, *bounds in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        went, came = before[bounds[0] : bounds[1]], after[bounds[2] : bounds[3]]
        if tag == "equal":
            found.append(Words(SAME, " ".join(went)))
            continue
        found += [Words(of, " ".join(words)) for of, words in ((OLD, went), (NEW, came)) if words]
    return tuple(found)


def _cut(text: str) -> list[str]:
    words = re.findall(r"\S+", text)
    return words if len(words) <= WORDS else [*words[:WORDS], "…"]


def _example(old: Sample, new: Sample, name: str) -> Example:
    """The first member of a series that differs; one that cannot be read is said to be so."""
    member = name
    try:
        for member in sorted(one for one in {*old, *new} if series(one) == name):
            before, after = _text(old, member), _text(new, member)
            if before != after:
                return Example(old.key, member, compared(before, after))
    except (VidalError, OSError) as error:
        return Example(old.key, member, (), str(error))
    return Example(old.key, member, (), "the texts are the same, though the indexes tell them apart")


def _text(sample: Sample, member: str) -> str:
    """A text; empty where the sample has no such member."""
    if member not in sample:
        return ""
    if sample.sizes[member] > LONGEST:
        raise VidalError(f"{sample.key}: {member} is longer than {LONGEST:,} bytes")
    return sample[member].decode("utf-8", "replace")
