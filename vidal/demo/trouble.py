"""The catalogue of the demo sites: what they offer, what is wrong with it, and what a build must make of it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from vidal.demo import language
from vidal.demo.scene import Scene, scene, unlike

SCREEN, MEDIA, VERDICTS = "harvest/screen", "harvest/media", "filter/verdicts"
GOOD_SOUNDS = 8
MEDIA_SUFFIX = {"h264": ".mp4", "vp9": ".webm", "opus": ".ogg"}


@dataclass(frozen=True)
class Expected:
    """What must become of an entry: its status, the step that decides, and the rule or error class it names."""

    status: Literal["kept", "rejected", "dropped", "failed"]
    step: str | None = None
    reason: str | None = None


KEPT = Expected("kept")


@dataclass(frozen=True)
class Entry:
    """One thing a demo site offers.

    `scene` is what the file shows and sounds like; the texts may say otherwise. `duration` is what the site claims, in
    seconds. `terms` are queries that find the entry. `trouble` names what is wrong with it, or is None.
    """

    id: str
    kind: Literal["video", "audio"]
    title: str
    hashtags: tuple[str, ...]
    description: str
    scene: Scene
    codec: Literal["h264", "vp9", "opus"]
    duration: float
    terms: tuple[str, ...]
    trouble: str | None
    expected: Expected

    @property
    def name(self) -> str:
        """The title as the site shows it, hashtags at its end."""
        return " ".join((self.title, *(f"#{tag}" for tag in self.hashtags)))

    @property
    def filename(self) -> str:
        """The name of its media file; made of the id, never of the title."""
        return self.id + MEDIA_SUFFIX[self.codec]


HOSTILE: dict[str, Callable[[str], str]] = {
    "hostile_shell": lambda title: title + '; rm -rf "$HOME" && $(reboot) | `id` > /dev/null \'x',
    "hostile_path": lambda title: title + " ../../../../tmp/evil\\..\\..\\con.mp4/",
    "hostile_control": lambda title: title + " \x00\x07\x1b[31m\r\n\t\x7f\u2028end",
    "hostile_long": lambda title: title + " again and again" * 250,
    "hostile_bidi": lambda title: title + " \u202e\u05e9\u05dc\u05d5\u05dd \U0001f534\U0001f3c0\u200d\ufe0f e\u0301",
    "hostile_markup": lambda title: title + " </script><script>alert(1)</script> &amp; <b>{{7*7}} %(id)s",
}
"""What uploaders with strange titles append to them. The clips are good and must be kept."""

_FAULTS = {
    "not_found": Expected("failed", MEDIA, "NotFound"),
    "unavailable": Expected("failed", MEDIA, "Unavailable"),
    "stalled": Expected("failed", MEDIA, "Timeout"),
    "truncated": Expected("failed", MEDIA, "Truncated"),
    "empty": Expected("failed", MEDIA, "NotMedia"),
    "html": Expected("failed", MEDIA, "NotMedia"),
    "playlist": Expected("failed", MEDIA, "NotMedia"),
}
"""Good scenes whose file or whose answer from the site is broken for good."""

_PASSING_FAULTS = ("rate_limited", "rate_limited_page", "slow")
"""Faults of the site that patience overcomes."""

FALSE_HEADERS = {"header_3h_mp4": KEPT, "header_3h_webm": Expected("failed", MEDIA, "Truncated")}
"""Clips of one second whose header claims three hours: in mp4 the index of all packets tells the truth, in webm nothing
tells the clip from one whose end is missing."""


def catalogue(seed: int, good: int = 37) -> list[Entry]:
    """All entries of the sites of world `seed`: `good` plain good clips, the troubled ones, and the sounds.

    A pure function. With the default there are 67 candidate clips, of which 47 must be kept (among them hostile titles
    and passing faults of the site), and 10 sounds, of which 8 must be kept.
    """
    numbers = iter(range(good + 40))

    def fresh(**changes: object) -> Scene:
        return replace(scene(seed, next(numbers)), **changes)

    clips = [_clip(fresh()) for _ in range(good)]
    clips += [_clip(fresh(**_SMALL), trouble, title=spoil) for trouble, spoil in HOSTILE.items()]
    clips += [_clip(fresh(**_SMALL), trouble) for trouble in _PASSING_FAULTS]
    clips += [_duplicate(original) for original in clips[:2]]
    clips += [_mismatched(fresh(**_SMALL)) for _ in range(3)]
    clips += [_clip(fresh(**_SMALL), "still", Expected("dropped", VERDICTS, "still")) for _ in range(2)]
    clips += [
        _clip(fresh(**_SMALL), "silent", Expected("dropped", VERDICTS, "silence")),
        replace(_clip(fresh(**_SMALL), "long_said", Expected("rejected", SCREEN, "duration")), duration=95.0),
        replace(_clip(fresh(**_LONG), "long_unsaid", Expected("failed", MEDIA, "TooLong")), duration=6.0),
        replace(_clip(fresh(**_SMALL), "short_title", Expected("rejected", SCREEN, "title_words")), hashtags=()),
        _clip(fresh(**_SMALL), "boilerplate", Expected("rejected", SCREEN, "boilerplate")),
    ]
    clips += [_clip(fresh(**_SMALL), trouble, expected) for trouble, expected in _FAULTS.items()]
    clips += [_clip(fresh(**_SHORT), trouble, expected) for trouble, expected in FALSE_HEADERS.items()]
    sounds = [_sound(fresh(), number) for number in range(GOOD_SOUNDS)]
    sounds.append(_sound(fresh(), GOOD_SOUNDS, "silent", Expected("dropped", VERDICTS, "silence")))
    liar = fresh()
    other = next(s for s in (scene(seed, number) for number in range(200)) if s.sound != liar.sound)
    mismatch = Expected("dropped", VERDICTS, "clap_text")
    sounds.append(_sound(liar, GOOD_SOUNDS + 1, "mismatched", mismatch, told=other))
    return clips + sounds


_SMALL = {"width": 320, "height": 240, "fps": 10, "seconds": 2.5}
_SHORT = {**_SMALL, "seconds": 1.0}
_LONG = {"width": 320, "height": 240, "fps": 8, "seconds": 24.0}
_TITLES = {"short_title": "Wow", "boilerplate": "Official Video HD"}
_BOILERPLATE_TAGS = ("shorts", "viral", "fyp")


def _clip(
    seen: Scene,
    trouble: str | None = None,
    expected: Expected = KEPT,
    told: Scene | None = None,
    title: Callable[[str], str] = str,
) -> Entry:
    """A clip that shows `seen` and says what `told` shows (the same scene unless given)."""
    told = told or seen
    hashtags = language.hashtags(told) + (["shorts"] if seen.index % 4 == 0 else [])
    return Entry(
        id=uuid_of(seen, trouble),
        kind="video",
        title=title(_TITLES.get(trouble, language.title(told))),
        hashtags=_BOILERPLATE_TAGS if trouble == "boilerplate" else tuple(hashtags),
        description=f"{language.caption(told)}, with {language.sound_caption(told)}",
        scene=seen,
        codec="vp9" if _is_webm(seen, trouble) else "h264",
        duration=seen.seconds,
        terms=(f"{told.colour} {told.shape}", f"{told.size} {told.shape}"),
        trouble=trouble,
        expected=expected,
    )


def _is_webm(seen: Scene, trouble: str | None) -> bool:
    if trouble in FALSE_HEADERS:
        return trouble == "header_3h_webm"
    return seen.index % 5 == 3 and trouble not in _FAULTS


def _sound(
    heard: Scene, number: int, trouble: str | None = None, expected: Expected = KEPT, told: Scene | None = None
) -> Entry:
    """A sound alone, numbered as Freesound numbers its sounds."""
    told = told or heard
    phrase = language.sound_title(told)
    return Entry(
        id=str(410000 + 17 * number + heard.seed % 17),
        kind="audio",
        title=f"{phrase} {number + 1:02d}",
        hashtags=(told.sound, "field-recording"),
        description=language.sound_caption(told),
        scene=heard,
        codec="opus",
        duration=heard.seconds,
        terms=(phrase.lower(), told.sound),
        trouble=trouble,
        expected=expected,
    )


def _duplicate(original: Entry) -> Entry:
    """The same bytes under another id and title; its id sorts after the original's, which is the one to keep."""
    ids = (uuid_of(original.scene, f"duplicate {salt}") for salt in range(10_000))
    return replace(
        original,
        id=next(i for i in ids if i > original.id),
        title=f"Watch {language.caption(original.scene)}",
        trouble="duplicate",
        expected=Expected("dropped", VERDICTS, "duplicate"),
    )


def _mismatched(seen: Scene) -> Entry:
    """A clip whose texts describe another scene: other shape, colour, size, movement and floor, but the same sound."""
    told = replace(unlike(seen, "shape", "colour", "size", "motion", "background"), sound=seen.sound)
    return _clip(seen, "mismatched", Expected("dropped", VERDICTS, "clip_title"), told)


def uuid_of(of: Scene, trouble: str | None) -> str:
    digest = hashlib.sha256(f"{of.seed}/{of.index}/{trouble}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))
