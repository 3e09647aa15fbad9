"""The samples nearest to each threshold, to be looked at: what they show and sound like, their titles, their fates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from vidal.engine.build import Build
from vidal.engine.commits import Row, Store
from vidal.engine.errors import MissingError, SampleError
from vidal.engine.nodes import Node
from vidal.engine.ranges import RangeError
from vidal.engine.step import Read, Step
from vidal.filter.explain.comparisons import columns
from vidal.filter.explain.explanation import Example, Explanation
from vidal.filter.explain.pictures import frames_picture, sound_picture

MEDIA, CANDIDATES = "harvest/media", "harvest/candidates"
SOUND, FRAME = "flac", "frm0.jpg"
Key = tuple[int, bool]
"""A row of the table, and whether its sound is what matters."""


@dataclass(frozen=True)
class Card:
    """A sample of a contact sheet. `rule` is the one that decided, if one did; `picture` is a JPEG, None where the
    media cannot be read."""

    id: str
    kind: str
    score: float
    title: str
    kept: bool
    rule: str | None
    picture: bytes | None


@dataclass(frozen=True)
class Sheet:
    """The cards of one threshold, the nearest first, of its lower and its upper side."""

    below: tuple[Card, ...]
    above: tuple[Card, ...]


def sheets(build: Build, explanation: Explanation) -> list[tuple[Sheet, ...]]:
    """The sheets of all thresholds, axis by axis. Each sample's media are read once."""
    heard = _heard(build.nodes)
    hears = [
        any(name.lower() in heard for name in columns(axis.thresholds[0].comparison.axis)) for axis in explanation.axes
    ]
    wanted = {
        (example.row, of_sound)
        for axis, of_sound in zip(explanation.axes, hears, strict=True)
        for one in axis.thresholds
        for example in (*one.nearest_below, *one.nearest_above)
    }
    known = _known(build, explanation, sorted(wanted))

    def side(examples: Sequence[Example], of_sound: bool) -> tuple[Card, ...]:
        return tuple(replace(known[example.row, of_sound], score=example.score) for example in examples)

    return [
        tuple(Sheet(side(one.nearest_below, of_sound), side(one.nearest_above, of_sound)) for one in axis.thresholds)
        for axis, of_sound in zip(explanation.axes, hears, strict=True)
    ]


def _known(build: Build, explanation: Explanation, wanted: Sequence[Key]) -> dict[Key, Card]:
    """A card, as yet without a score, of each key."""
    rows = explanation.judgement.verdicts.take([row for row, _ in wanted]).to_pylist()
    parts: dict[int, list[tuple[Key, dict[str, Any]]]] = defaultdict(list)
    for key, row in zip(wanted, rows, strict=True):
        parts[row["part"]].append((key, row))
    media, candidates = build.store(MEDIA), build.store(CANDIDATES)
    media_pieces, candidate_pieces = media.pieces(), candidates.pieces()
    found = {}
    for part, entries in parts.items():
        members = media.rows(media_pieces.get(part, []), ["members"])
        titles = candidates.rows(candidate_pieces.get(part, []), ["title", "hashtags"])
        for (row, of_sound), verdict in entries:
            title = title_of(titles.get(verdict["id"]))
            picture = _picture(media, members.get(verdict["id"]), of_sound)
            fate = verdict["kept"], verdict["rule"]
            found[row, of_sound] = Card(verdict["id"], verdict["kind"], 0.0, title, *fate, picture)
    return found


def title_of(row: Row | None) -> str:
    """As the site gave it; the hashtags where there is none."""
    return "" if row is None else row["title"] or " ".join(f"#{tag}" for tag in row["hashtags"] or ())


def _picture(store: Store, row: Row | None, of_sound: bool) -> bytes | None:
    """The first and the middle keyframe of a clip, or its sound where that is what matters; None where media are gone
    or damaged."""
    names = {member["name"] for member in row["members"]} if row else set()
    frames = sorted(name for name in names if name.startswith("frm"))
    chosen = tuple(dict.fromkeys([*frames[:1], *frames[len(frames) // 2 :][:1]]))
    if SOUND in names and (of_sound or not frames):
        chosen = (SOUND,)
    if not chosen:
        return None
    try:
        [content] = store.members([row], Read(MEDIA, members=chosen))
        return sound_picture(content[SOUND]) if chosen == (SOUND,) else frames_picture(list(map(content.get, chosen)))
    except (SampleError, RangeError, MissingError):
        return None


def _heard(nodes: Sequence[Node]) -> frozenset[str]:
    """The scores that are of the sound: those of steps that read it and no picture, or that read such scores."""
    steps: set[str] = set()
    scores = {"audio_seconds"}
    for node in nodes:
        if not isinstance(node, Step) or node.stage != "filter":
            continue
        sees = any(read.wants(FRAME) for read in node.reads)
        hears = any(read.wants(SOUND) or read.step in steps for read in node.reads)
        if hears and not sees:
            steps.add(node.name)
            scores.update(node.columns)
    return frozenset(scores)
