"""Role `video_captioner`: one caption for each clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vidal.models.options import PLAIN, Options
from vidal.models.place import Place
from vidal.models.pretrained import model_type


def load(path: Path, place: Place, options: Options = PLAIN) -> Any:
    """The captioner of clips in `path`: an mPLUG-Owl as published, a GIT for clips, or any other image-text-to-text
    model of transformers that takes videos or several pictures. It has `caption_video(clips, hints, seconds)`."""
    match model_type(path):
        case "mplug-owl":
            from vidal.models.mplug_owl.captioner import load as load_mplug_owl

            return load_mplug_owl(path, place, options)
        case "git":
            from vidal.models.git import load as load_git

            return load_git(path, place, options, clips=True)
        case "ofa":
            raise ValueError("an OFA captions pictures and not clips")
    from vidal.models.image_text.captioner import load as load_any

    return load_any(path, place, options, clips=True)
