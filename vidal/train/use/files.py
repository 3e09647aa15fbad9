"""From what a user has (files, arrays, tensors) to what a tower takes, as in evaluation: nothing is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vidal.engine.errors import ConfigError, SampleError
from vidal.media.excerpt import decode_pictures, decode_sound
from vidal.media.images import MAX_PIXELS, open_image
from vidal.train.evaluate.data import Media
from vidal.train.modalities import Modality
from vidal.train.modalities.depth import decode_map
from vidal.train.towers.config import VisionConfig
from vidal.train.transforms.audio import AudioTransform
from vidal.train.transforms.depth import DepthTransform
from vidal.train.transforms.filter_banks import RATE
from vidal.train.transforms.pictures import PictureTransform, planes_of
from vidal.train.transforms.square import centre, cropped, normalised, scaled, scaled_size
from vidal.train.transforms.video import VideoTransform, frame_indices

PICTURES = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
FILE_BYTES = 1 << 30
"""Largest file that is read whole: a picture, or a member of another modality."""
STRIDE = 8
"""Pictures from one frame of a view to the next: Kinetics' sampling rate in LanguageBind's evaluation."""
CROPS, COLOURS = 3, 3


def pixels(item: Any, modality: Modality, vision: VisionConfig) -> torch.Tensor:
    """What a tower takes of one item, float32 [3, H, W] or [3, frames, H, W].

    An item is a `Media`; a tensor, which is as the tower takes it already; or an array: uint8 [H, W, 3] of a picture,
    uint8 [frames, H, W, 3] of a clip, uint16 [H, W] in millimetres of depth, or a sound, float [n] in -1..1 at 16 kHz.
    SampleError for what cannot be read or has another shape.
    """
    if isinstance(item, torch.Tensor):
        return _fitting(item.float(), vision)
    if isinstance(item, Media):
        return _fitting(_of_file(item, modality, vision), vision)
    if isinstance(item, np.ndarray) and modality.name in _OF_ARRAY:
        return _fitting(_of_array(item, modality.name, vision), vision)
    raise SampleError("Unsupported", f"a {type(item).__name__} is nothing that {modality.name} is read from")


def _fitting(tensor: torch.Tensor, vision: VisionConfig) -> torch.Tensor:
    height, width = vision.picture
    if tensor.shape[:1] + tensor.shape[-2:] != (3, height, width) or tensor.dim() not in (3, 4):
        raise SampleError("BadShape", f"shape {list(tensor.shape)}; the tower takes [3, …, {height}, {width}]")
    return tensor


def _of_file(media: Media, modality: Modality, vision: VisionConfig) -> torch.Tensor:
    if media.view[1] > 1 and modality.name != "video":
        raise SampleError("Unsupported", f"{modality.name} has no views; only clips are seen in several")
    if (read := _OF_FILE.get(modality.name)) is not None:
        return read(media, vision)
    name = media.path.name if modality.series([media.path.name]) else media.path.suffix.removeprefix(".").lower()
    if not modality.series([name]):
        raise SampleError("Unsupported", f"{modality.name} is read from files named {' or '.join(modality.members)}")
    return modality.read({name: _content(media.path)}, {}, None, None, vision)


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise SampleError("Unreadable", "no regular file")
    try:
        if path.stat().st_size > FILE_BYTES:
            raise SampleError("TooLarge", f"more than {FILE_BYTES >> 20:,} MiB")
        return path.read_bytes()
    except OSError as error:
        raise SampleError("Unreadable", error.strerror or str(error)) from None


def _picture(media: Media, vision: VisionConfig) -> torch.Tensor:
    return _shown(np.asarray(open_image(_content(media.path), PICTURES, MAX_PIXELS, "RGB")), vision)


def _depth(media: Media, vision: VisionConfig) -> torch.Tensor:
    return _measured(decode_map(media.path.name, _content(media.path)), vision)


def _sound(media: Media, vision: VisionConfig) -> torch.Tensor:
    wave, rate = decode_sound(media.path, media.seconds)
    return _heard(wave, vision, rate)


def _clip(media: Media, vision: VisionConfig) -> torch.Tensor:
    """A clip's frames evenly spread from its first to its last; or, of a view, one moment and one of three crops."""
    number, views = media.view
    if views == 1:
        frames = decode_pictures(media.path, lambda total: frame_indices(total, vision.num_frames), media.seconds)
        return VideoTransform(vision.image_size)(frames)
    if views % CROPS:
        raise ConfigError(f"{views} views of a clip; they are {CROPS} crops of each moment")
    moment = (number // CROPS, views // CROPS)
    frames = decode_pictures(media.path, lambda total: moment_indices(total, vision.num_frames, *moment), media.seconds)
    return _third(frames, number % CROPS, vision.image_size)


def moment_indices(total: int, wanted: int, moment: int, moments: int) -> np.ndarray:
    """Which of `total` pictures a view shows: `wanted` of them, STRIDE apart, from a beginning that is one of `moments`
    evenly spread over where a view may begin. The last picture repeats where a clip ends early."""
    room = max(total - (wanted - 1) * STRIDE - 1, 0)
    begin = int(np.linspace(0, room, moments)[moment])
    return np.minimum(begin + STRIDE * np.arange(wanted), total - 1)


def _third(frames: np.ndarray, crop: int, side: int) -> torch.Tensor:
    """The first, the middle or the last square along the longer side, float32 [3, frames, side, side]."""
    size = scaled_size(*frames.shape[1:3], side, quotient_first=True)
    planes = scaled(planes_of(torch.tensor(frames)), size, "bilinear")
    corner = [(0, centre(length, side), length - side)[crop] for length in planes.shape[-2:]]
    return normalised(cropped(planes, *corner, side), 255).transpose(0, 1).contiguous()


def _of_array(array: np.ndarray, name: str, vision: VisionConfig) -> torch.Tensor:
    form = _OF_ARRAY[name]
    coloured = array.ndim < 3 or array.shape[-1] == COLOURS
    if array.dtype.name not in form.kinds or array.ndim != form.dimensions or not array.size or not coloured:
        raise SampleError("BadShape", f"{array.dtype} {list(array.shape)}; {name} is {form.told}")
    return form.make(array, vision)


@dataclass(frozen=True)
class _Form:
    """What an array of a modality is like, in words too, and what becomes of it."""

    kinds: tuple[str, ...]
    dimensions: int
    told: str
    make: Callable[[np.ndarray, VisionConfig], torch.Tensor]


def _shown(rgb: np.ndarray, vision: VisionConfig) -> torch.Tensor:
    return PictureTransform(vision.image_size)(rgb)


def _seen(frames: np.ndarray, vision: VisionConfig) -> torch.Tensor:
    return VideoTransform(vision.image_size)(frames[frame_indices(len(frames), vision.num_frames)])


def _measured(millimetres: np.ndarray, vision: VisionConfig) -> torch.Tensor:
    return DepthTransform(vision.image_size, vision.max_depth)(millimetres)


def _heard(wave: np.ndarray, vision: VisionConfig, rate: int = RATE) -> torch.Tensor:
    transform = AudioTransform(vision.num_mel_bins, vision.target_length, vision.audio_mean, vision.audio_std)
    return transform(wave[None], rate)


_OF_FILE: Mapping[str, Callable[[Media, VisionConfig], torch.Tensor]] = {
    "image": _picture, "thermal": _picture, "depth": _depth, "audio": _sound, "video": _clip,
}  # fmt: skip
_PICTURE = _Form(("uint8",), 3, "uint8 [H, W, 3]", _shown)
_OF_ARRAY: Mapping[str, _Form] = {
    "image": _PICTURE,
    "thermal": _PICTURE,
    "video": _Form(("uint8",), 4, "uint8 [frames, H, W, 3]", _seen),
    "depth": _Form(("uint16",), 2, "uint16 [H, W]", _measured),
    "audio": _Form(("float16", "float32", "float64"), 1, "float [n] at 16 kHz", _heard),
}
