"""Role `captioner`: one sentence for each picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vidal.models.options import PLAIN, Options
from vidal.models.place import Place
from vidal.models.pretrained import model_type


def load(path: Path, place: Place, options: Options = PLAIN) -> Any:
    """The captioner in `path`, whose configuration says of what type it is: an OFA or an mPLUG-Owl as published, a GIT,
    or any other image-text-to-text model of transformers. It has `caption_images(frames)`."""
    match model_type(path):
        case "ofa":
            from vidal.models.ofa.captioner import load as load_ofa

            return load_ofa(path, place, options)
        case "mplug-owl":
            from vidal.models.mplug_owl.captioner import load_for_pictures

            return load_for_pictures(path, place, options)
        case "git":
            from vidal.models.git import load as load_git

            return load_git(path, place, options, clips=False)
    from vidal.models.image_text.captioner import load as load_any

    return load_any(path, place, options, clips=False)
