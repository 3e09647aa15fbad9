"""What is planted in clips and sounds of the demo world, and which rule of `demo-quality.yaml` must find it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vidal.demo import language
from vidal.demo.render import render
from vidal.demo.scene import Scene, unlike
from vidal.demo.trouble import HOSTILE

Frames = list[np.ndarray]


@dataclass(frozen=True)
class Flaw:
    """A kind of flaw: the rule that must drop it (None: it is harmless), what is done to a clip's pictures, its sound
    and its title, how long it lasts, and the sounds that it can be planted in, if not in all."""

    rule: str | None = None
    pictures: Callable[[Scene, Frames], Frames] | None = None
    sound: Callable[[np.ndarray], np.ndarray | None] | None = None
    title: Callable[[Scene], str] | None = None
    seconds: float | None = None
    sounds: Sequence[str] = ()


PLAIN = Flaw()
LOW = ("beep", "siren", "engine", "bell", "drum")
"""Sounds whose clipping is still there at 16 kHz: noise, clicks and what is above 2 kHz have lost their flat tops."""


def _slow(seen: Scene, frames: Frames) -> Frames:
    """At a third of the speed."""
    return [render(seen, number / seen.fps / 3).rgb for number in range(len(frames))]


def _lit(seen: Scene, frames: Frames) -> Frames:
    """It grows half as bright again from first to last."""
    light = np.linspace(0.67, 1.0, len(frames))
    return [(frame * share).astype(np.uint8) for frame, share in zip(frames, light, strict=True)]


def _still(seen: Scene, frames: Frames) -> Frames:
    """One picture; that of every second clip with a sensor's noise."""
    rng = np.random.default_rng((seen.seed, seen.index))
    noise = 4 * (seen.index % 2) * rng.standard_normal((len(frames), *frames[0].shape), dtype=np.float32)
    return [np.clip(frames[0] + grain, 0, 255).astype(np.uint8) for grain in noise]


def _other_scenes(seen: Scene, count: int) -> Iterator[Scene]:
    """Scenes of other shapes, colours and floors than the one before, at the size of the first."""
    for _ in range(count):
        yield seen
        other = unlike(seen, "shape", "colour", "background")
        seen = replace(other, width=seen.width, height=seen.height, fps=seen.fps, seconds=seen.seconds)


def _slides(seen: Scene, frames: Frames) -> Frames:
    """Two to four still pictures, one after the other."""
    count = 2 + seen.index % 3
    pictures = [render(one, 0.0).rgb for one in _other_scenes(seen, count)]
    return [pictures[count * number // len(frames)] for number in range(len(frames))]


def _cuts(seen: Scene, frames: Frames) -> Frames:
    """Four to six scenes, as long as each other."""
    scenes = list(_other_scenes(seen, 4 + seen.index % 3))
    length = len(frames)
    return [render(scenes[len(scenes) * number // length], number / seen.fps).rgb for number in range(length)]


def _blurred(seen: Scene, frames: Frames) -> Frames:
    from PIL import Image, ImageFilter

    blur = ImageFilter.GaussianBlur(min(seen.width, seen.height) / 60)
    return [np.asarray(Image.fromarray(frame).filter(blur)) for frame in frames]


def _darkened(seen: Scene, frames: Frames) -> Frames:
    return [(frame * 0.07).astype(np.uint8) for frame in frames]


def _blank(seen: Scene, frames: Frames) -> Frames:
    colour = np.array([30 + 20 * (seen.index % 9), 200 - 15 * (seen.index % 11), 90], np.uint8)
    return [np.broadcast_to(colour, frame.shape).copy() for frame in frames]


def _overdriven(wave: np.ndarray) -> np.ndarray:
    """So loud that a third of the samples are cut off."""
    return np.clip(wave / max(float(np.quantile(np.abs(wave), 2 / 3)), 1e-6), -1, 1).astype(np.float32)


def _faint(wave: np.ndarray) -> np.ndarray:
    """45 dB softer than full scale at its loudest."""
    return (wave * 10 ** (-45 / 20) / max(float(np.abs(wave).max()), 1e-6)).astype(np.float32)


def _chosen(seen: Scene, forms: Sequence[str]) -> str:
    """One of the forms, with the scene's title and its thing put in."""
    form = forms[seen.index % len(forms)]
    return form.replace("TITLE", language.title(seen)).replace("THING", language.thing(seen))


def _hostile(seen: Scene) -> str:
    """A title with what hostile uploaders append, but for the text that repeats a thousand words."""
    names = sorted(HOSTILE.keys() - {"hostile_long"})
    return HOSTILE[names[seen.index % len(names)]](language.title(seen))


_MIXED = ("TITLE 🔥😍", "TITLE (كرة)", "TITLE 红色", "TITLE — très joli!", "TITLE #красный #fun")
_SPAM = (
    "TITLE subscribe subscribe subscribe viral viral shorts fyp",
    "Official Video HD THING shorts trending reels",
    "THING THING THING THING THING",
    "TITLE" + " again and again" * 60,
)
_EMOJI = (
    "🔥🔥🔥🎉🎉😍😍😍🔥🔥🔥🎉😂😂 THING 🔥🔥🔥🎉🎉🎉😍😍",
    "🎉🎉😍👍🏽👍🏽🔥🇫🇷🎉🎉😍",
    "wow 😂😂😂😂 look 🔥🔥🔥",
)
_UNSAFE = ("TITLE nsfw", "TITLE #nsfw", "Naked girls and a THING", "TITLE (porn)")
_FOREIGN = (
    "كرة صغيرة تتدحرج إلى اليسار على العشب الأخضر",
    "قطة بيضاء تلعب مع الكرة في الحديقة الكبيرة",
    "一个红色的小圆形在雪地上向左滚动的视频记录",
    "下雪天我们在花园里看到一个很大的蓝色星星",
    "Ein kleiner roter Kreis rollt langsam nach links über das Gras",
    "Schaut euch an, wie der große blaue Stern über den Schnee fliegt",
    "Маленький красный круг катится влево по зелёной траве",
    "Посмотрите, как большая синяя звезда летит над снегом",
    "Un petit cercle rouge roule lentement vers la gauche sur l'herbe",
    "Una gran estrella azul vuela despacio por encima de la nieve",
)

HARMLESS: dict[str, Flaw] = {
    "mute": Flaw(sound=lambda wave: None),
    "short": Flaw(seconds=0.6),
    "slow": Flaw(pictures=_slow),
    "lit": Flaw(pictures=_lit),
    "hostile_title": Flaw(title=_hostile),
    "mixed_title": Flaw(title=lambda s: _chosen(s, _MIXED)),
}
"""Clips that must be kept."""
CLIPS: dict[str, Flaw] = {
    "wrong_title": Flaw("clip_title", title=lambda s: language.title(unlike(s, "shape", "colour"))),
    "still": Flaw("still", pictures=_still),
    "one_frame": Flaw("still", pictures=lambda seen, frames: frames[:1]),
    "slides": Flaw("slides", pictures=_slides),
    "cuts": Flaw("cuts", pictures=_cuts),
    "blurred": Flaw("blurred", pictures=_blurred),
    "black": Flaw("blank", pictures=_darkened),
    "blank": Flaw("blank", pictures=_blank),
    "silent": Flaw("silence", sound=np.zeros_like),
    "overdriven": Flaw("clipping", sound=_overdriven, sounds=LOW),
    "faint": Flaw("faint", sound=_faint),
    "spam": Flaw("spam", title=lambda s: _chosen(s, _SPAM)),
    "emoji": Flaw("emoji", title=lambda s: _chosen(s, _EMOJI)),
    "unsafe": Flaw("unsafe", title=lambda s: _chosen(s, _UNSAFE)),
    "foreign": Flaw("language", title=lambda s: _FOREIGN[s.index % len(_FOREIGN)]),
    "leaked_title": Flaw("leaks", title=language.caption),
    "leaked_clip": Flaw("leaks"),
}
SOUNDS: dict[str, Flaw] = {
    "good_sound": PLAIN,
    "silent_sound": Flaw("silence", sound=np.zeros_like),
    "overdriven_sound": Flaw("clipping", sound=_overdriven, sounds=LOW),
    "wrong_sound": Flaw("clap_title", title=lambda s: language.sound_title(unlike(s, "sound"))),
}


def _scaled(frames: Frames) -> Frames:
    """Half as wide and high."""
    from PIL import Image

    height, width = (side // 4 * 2 for side in frames[0].shape[:2])
    return [np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC)) for frame in frames]


def _cropped(frames: Frames) -> Frames:
    """Without a fortieth at each edge."""
    height, width = frames[0].shape[:2]
    top, left = height // 40, width // 40
    bottom, right = top + (height - 2 * top) // 2 * 2, left + (width - 2 * left) // 2 * 2
    return [frame[top:bottom, left:right] for frame in frames]


def _marked(frames: Frames) -> Frames:
    """With a mark in a corner, an eighth of the sides long."""
    marked = [frame.copy() for frame in frames]
    height, width = (side // 8 for side in frames[0].shape[:2])
    for frame in marked:
        frame[4 : 4 + height, 4 : 4 + width] = (250, 250, 250)
        frame[4 + height // 3 : 4 + 2 * height // 3, 4 + width // 6 : 4 + 5 * width // 6] = (200, 30, 30)
    return marked


@dataclass(frozen=True)
class Copy:
    """A kind of copy: the rule that must drop one of the two, what is done to the pictures, and whether they are fewer
    pixels then, so that it is the copy that must go."""

    rule: str
    pictures: Callable[[Frames], Frames] | None = None
    smaller: bool = False


COPIES: dict[str, Copy] = {
    "copied": Copy("duplicate"),
    "recoded": Copy("near_duplicate"),
    "scaled": Copy("near_duplicate", _scaled, smaller=True),
    "cropped": Copy("near_duplicate", _cropped, smaller=True),
    "marked": Copy("near_duplicate", _marked),
}
HALF_BITRATE = {"h264": "28", "vp9": "44"}
"""Quality at which these clips take about half of the bytes that they take by default."""
