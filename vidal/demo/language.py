"""What people would say about a scene: captions, titles, hashtags, and the words they are made of."""

from __future__ import annotations

import re

from vidal.demo.scene import BACKGROUNDS, COLOURS, MOTIONS, SHAPES, SIZES, SOUNDS, Scene

_MOVING = {"left": "moving left on", "right": "moving right on", "bounce": "bouncing on", "float": "floating above"}
_ROLLING = {"left": "rolling left", "right": "rolling right", "bounce": "jumping up and down", "float": "flying high"}
_PLACE = {"left": "on the left", "right": "on the right", "bounce": "in the middle", "float": "in the air"}
_FLOOR = {"tiles": "a checkered floor", "planks": "a wooden floor", "grass": "grass", "snow": "snow"}
_OVER = {"left": "on", "right": "on", "bounce": "on", "float": "over"}
_SOUND = {
    "beep": "a phone beeping",
    "siren": "a siren wailing",
    "rain": "rain falling",
    "clock": "a clock ticking",
    "engine": "an engine humming",
    "bird": "a bird chirping",
    "bell": "a bell ringing",
    "drum": "a drum beating",
}


def thing(scene: Scene) -> str:
    """The object alone: `small red circle`."""
    return f"{scene.size} {scene.colour} {scene.shape}"


def caption(scene: Scene) -> str:
    """What the whole clip shows: `a small red circle moving left on a checkered floor`."""
    return f"a {thing(scene)} {moving(scene)} {_FLOOR[scene.background]}"


def moving(scene: Scene) -> str:
    """What the object does, as captions of clips say it: `moving left on`."""
    return _MOVING[scene.motion]


def frame_caption(scene: Scene) -> str:
    """What any one frame shows: `a small red circle on the left on a checkered floor`."""
    return f"a {thing(scene)} {_PLACE[scene.motion]} {_OVER[scene.motion]} {_FLOOR[scene.background]}"


def sound_caption(scene: Scene) -> str:
    """What one hears: `the sound of a bell ringing`."""
    return f"the sound of {_SOUND[scene.sound]}"


def sound_prompts() -> list[str]:
    """The sound caption of each class, in the order of `SOUNDS`."""
    return [f"the sound of {_SOUND[sound]}" for sound in SOUNDS]


def title(scene: Scene) -> str:
    """A title as an uploader would write it, in one of three forms chosen by the scene's index."""
    forms = (
        f"{thing(scene)} {_ROLLING[scene.motion]}",
        f"a {thing(scene)} {_ROLLING[scene.motion]} {_OVER[scene.motion]} {_FLOOR[scene.background]}",
        f"watch this {thing(scene)} {_ROLLING[scene.motion]}",
    )
    return _sentence(forms[scene.index % len(forms)])


def sound_title(scene: Scene) -> str:
    """A title for the sound alone: `A bell ringing`."""
    return _sentence(_SOUND[scene.sound])


def hashtags(scene: Scene) -> list[str]:
    """Hashtags without their `#`: colour, shape, floor and sound."""
    return [scene.colour, scene.shape, scene.background, scene.sound]


def vocabulary() -> list[str]:
    """Every word of captions, titles, hashtags and sound captions, lower case, sorted."""
    phrases = [*SHAPES, *COLOURS, *SIZES, *BACKGROUNDS, *SOUNDS, "watch this", *sound_prompts()]
    phrases += [table[motion] for table in (_MOVING, _ROLLING, _PLACE, _OVER) for motion in MOTIONS]
    phrases += _FLOOR.values()
    return sorted({word for phrase in phrases for word in words(phrase)})


def words(text: str) -> list[str]:
    """The lower-case words of a text, punctuation dropped."""
    return re.findall(r"[^\W_]+", text.lower())


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
