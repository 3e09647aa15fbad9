"""A crowd of small clips, some of which a site serves with a planted fault of the network: what a harvest must bear."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vidal.demo import language
from vidal.demo.clips import write_entry
from vidal.demo.reply import Reply, json_reply
from vidal.demo.scene import scene
from vidal.demo.trouble import KEPT, MEDIA, Entry, Expected, uuid_of

REELS = ("morning reel", "midday reel", "evening reel", "midnight reel", "holiday reel")
"""Search terms; each finds its share of the crowd."""
RENDERINGS = 4
"""How many different scenes a crowd shows; its files differ in an empty box that names the entry."""
TRICKLE_S = 0.25
BURST = 2
"""Requests that a burst of refusals meets."""
NOWHERE = "http://127.0.0.2/clip.mp4"
_SMALL = {"width": 320, "height": 240, "fps": 8, "seconds": 1.0}
_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to watch this video.</body></html>\n"


@dataclass(frozen=True)
class Fault:
    """What becomes of a good answer for a file, given its path and how often that was asked for before, and what a
    build must make of it. Without `ranges` the site knows nothing of parts of files."""

    expected: Expected
    reply: Callable[[Reply, str, int], Reply]
    ranges: bool = False


def _failed(error_class: str) -> Expected:
    return Expected("failed", MEDIA, error_class)


def _status(status: int, headers: dict[str, str] | None = None) -> Reply:
    return json_reply(status, {"error": str(status)}, headers)


def _cut(whole: Reply) -> Reply:
    """Half of what is left, under the length of all of it."""
    return replace(whole, body=whole.body[: len(whole.body) // 2], length=len(whole.body))


FAULTS: dict[str, Fault] = {
    "gone": Fault(_failed("NotFound"), lambda whole, path, before: _status(410)),
    "missing": Fault(_failed("NotFound"), lambda whole, path, before: _status(404)),
    "refused": Fault(_failed("Refused"), lambda whole, path, before: _status(403)),
    "never": Fault(_failed("Unavailable"), lambda whole, path, before: _status(503)),
    "trickle": Fault(
        _failed("Timeout"), lambda whole, path, before: replace(whole, pace=TRICKLE_S, pieces=max(1, len(whole.body)))
    ),
    "cut": Fault(_failed("Incomplete"), lambda whole, path, before: _cut(whole), ranges=True),
    "longer": Fault(_failed("Incomplete"), lambda whole, path, before: replace(whole, length=len(whole.body) + 1)),
    "shorter": Fault(
        _failed("Truncated"), lambda whole, path, before: replace(whole, body=whole.body[: len(whole.body) // 2])
    ),
    "loop": Fault(_failed("RedirectLoop"), lambda whole, path, before: _status(302, {"Location": path})),
    "inward": Fault(_failed("PrivateAddress"), lambda whole, path, before: _status(302, {"Location": NOWHERE})),
    "page": Fault(_failed("NotMedia"), lambda whole, path, before: Reply(200, _PAGE, {"Content-Type": "text/html"})),
    "endless": Fault(_failed("TooLarge"), lambda whole, path, before: replace(whole, endless=True)),
    "burst": Fault(KEPT, lambda whole, path, before: _status(503) if before < BURST else whole),
    "limited": Fault(KEPT, lambda whole, path, before: whole if before else _status(429, {"Retry-After": "1"})),
    "broken": Fault(KEPT, lambda whole, path, before: whole if before else _cut(whole), ranges=True),
}
"""Faults by name. The last three pass: a burst of 503, one 429 that asks for a rest, a body that broke off once."""


def crowd(count: int, every: int = 5, faults: Sequence[str] = tuple(FAULTS), seed: int = 0) -> list[Entry]:
    """`count` entries of a video site, one in `every` with a fault, each of the faults in turn. A pure function."""
    return [
        crowd_entry(number, faults[number // every % len(faults)] if number % every == every - 1 else None, seed)
        for number in range(count)
    ]


def crowd_entry(number: int, trouble: str | None = None, seed: int = 0) -> Entry:
    """One entry of a crowd, with a fault or without."""
    seen = replace(scene(seed, number % RENDERINGS), **_SMALL)
    reel = REELS[number // len(REELS) % len(REELS)]
    return Entry(
        id=uuid_of(seen, f"crowd {number}"),
        kind="video",
        title=f"{language.title(seen)} of the {reel} {number}",
        hashtags=(),
        description=language.caption(seen),
        scene=seen,
        codec="h264",
        duration=seen.seconds,
        terms=(reel,),
        trouble=trouble,
        expected=FAULTS[trouble].expected if trouble else KEPT,
    )


def write_crowd(folder: Path, entries: Sequence[Entry]) -> None:
    """Write the file of every entry: its scene's rendering, and a box of its own that players skip."""
    folder.mkdir(parents=True, exist_ok=True)
    renderings: dict[int, bytes] = {}
    for entry in entries:
        path = folder / entry.filename
        if entry.scene.index not in renderings:
            write_entry(replace(entry, trouble=None), path)
            renderings[entry.scene.index] = path.read_bytes()
        name = entry.id.encode()
        path.write_bytes(renderings[entry.scene.index] + struct.pack(">I4s", 8 + len(name), b"free") + name)
