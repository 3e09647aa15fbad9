"""A sample's pictures in the terminal, as half blocks of colour: keyframes, depth, infrared, and its sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vidal.cli.options import plain

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.console import Console

NARROWEST, WIDEST = 18, 32
"""Columns of a picture. Where a series does not fit, pictures evenly spread over it are drawn."""
SOUND = 96, 10
"""Most columns of a spectrogram, and its lines."""
TITLES = {"frames": "keyframes", "depth": "depth, the nearest brightest"}


def drawable(console: Console) -> bool:
    """Whether pictures can be seen there: a terminal of 256 colours or more that is told neither to leave them out nor
    to keep to ASCII."""
    colours = console.color_system in ("256", "truecolor") and not console.no_color
    return console.is_terminal and colours and console.encoding.startswith("utf")


def draw(console: Console, content: Mapping[str, bytes], record: Mapping[str, Any]) -> None:
    """Draw each layer that a sample has, to the terminal's width. What does not decode is said beneath its gap."""
    from rich_pixels import Pixels

    from vidal.shard.pictures import LAYERS, is_inverse, layer_members

    inverse = is_inverse(record)
    for layer in LAYERS:
        if not (names := spread(layer_members(layer, content), max(1, console.width // NARROWEST))):
            continue
        pictures, wrong = {}, {}
        for name in names:
            found = _picture(layer, content[name], inverse)
            (wrong if isinstance(found, str) else pictures)[name] = found
        console.print(plain(f"{TITLES.get(layer, layer)}: {' '.join(names)}"), highlight=False, markup=False)
        if pictures:
            console.print(Pixels.from_image(_row(layer, [pictures.get(name) for name in names], console.width)))
        for name, said in wrong.items():
            console.print(plain(f"{name}: {said}"), highlight=False, markup=False)


def spread(names: Sequence[str], most: int) -> list[str]:
    """At most so many of these, the first and last among them, evenly between."""
    if len(names) <= most:
        return list(names)
    last = len(names) - 1
    return [names[round(number * last / max(1, most - 1))] for number in range(most)]


def _picture(layer: str, data: bytes, inverse: bool) -> Image | str:
    """A member as a picture, or what is wrong with it."""
    import io

    from PIL import Image

    from vidal.engine.errors import SampleError
    from vidal.shard.pictures import strip

    try:
        return Image.open(io.BytesIO(strip(layer, [data], inverse)[0])).convert("RGBA")
    except SampleError as error:
        return f"does not decode: {error}"


def _row(layer: str, pictures: Sequence[Image | None], width: int) -> Image:
    """Pictures beside each other, a pixel wide as a column and two high as a line; what is None is left clear."""
    from PIL import Image

    columns = min(width // len(pictures) - 1, WIDEST)
    sizes = [(columns, round(columns * one.height / one.width)) for one in pictures if one is not None]
    if layer == "sound":
        sizes = [(min(width - 1, SOUND[0]), 2 * SOUND[1])]
    across, high = sizes[0][0], max(2, *(size[1] for size in sizes))
    row = Image.new("RGBA", ((across + 1) * len(pictures) - 1, high + high % 2))
    for number, one in enumerate(pictures):
        if one is not None:
            drawn = one.resize(sizes[0] if layer == "sound" else (across, round(across * one.height / one.width)))
            row.paste(drawn, ((across + 1) * number, 0))
    return row
