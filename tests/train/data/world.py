"""Small shards of samples whose pictures, sounds and texts tell which sample they are of."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from vidal.engine.tar import pack
from vidal.media.depth_png import encode_depth
from vidal.media.images import encode_jpeg
from vidal.media.sound import encode_flac
from vidal.train.data import Loader, TextPolicy, text_policy
from vidal.train.data.datasets import Dataset
from vidal.train.modalities import modality
from vidal.train.towers.config import VisionConfig

VISION = VisionConfig(image_size=32, patch_size=16, num_frames=4, num_mel_bins=32, target_length=48)
FRAMES = 8
Members = dict[str, bytes]


class Letters:
    """Texts as the numbers of their first letters."""

    def ids(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        ids = torch.tensor([[ord(letter) for letter in text[:12].ljust(12)] for text in texts])
        return ids, (ids != ord(" ")).long()


def picture(number: int, frame: int = 0, height: int = 40, width: int = 48) -> bytes:
    rng = np.random.default_rng([number, frame])
    return encode_jpeg(rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1))


def pair(number: int) -> Members:
    """A picture and a text."""
    return {"jpg": picture(number), "txt": f"picture {number}".encode()}


def clip(number: int) -> Members:
    """A clip as a build writes it, without the mp4."""
    depths = np.random.default_rng(number).integers(500, 9000, (FRAMES, 40, 48), np.uint16)
    wave = np.sin(np.arange(12000) * (0.05 + number % 7 * 0.01)).astype(np.float32) * 0.5
    members = {f"frm{frame}.jpg": picture(number, frame) for frame in range(FRAMES)}
    members |= {f"tml{frame}.jpg": picture(number + 1000, frame) for frame in range(FRAMES)}
    members |= {f"dep{frame}.png": encode_depth(depths[frame]) for frame in range(FRAMES)}
    members |= {f"ofa{frame}.txt": f"frame {frame} of {number}".encode() for frame in range(FRAMES)}
    members |= {"flac": encode_flac(wave, 16000), "txt": b"text", "raw.txt": f"Title {number} #one".encode()}
    members |= {"mplug.txt": b"a caption", "polish_mplug.txt": b"In the video, a clip", "sound_mplug.txt": b"a sound"}
    record = {"key": key(number), "depth": {"kind": "metric", "scale": 0.001, "offset": 0.0}}
    return {**members, "json": json.dumps(record).encode()}


def key(number: int) -> str:
    return f"s{number:04d}"


def write(path: Path, numbers: Sequence[int], make: Callable[[int], Members] = pair) -> Path:
    """A tar of the samples numbered so."""
    entries = [(f"{key(number)}.{name}", data) for number in numbers for name, data in sorted(make(number).items())]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack(entries)[0])
    return path


def folder(path: Path, sizes: Sequence[int], make: Callable[[int], Members] = pair, sized: bool = True) -> Path:
    """A folder of shards with so many samples each, numbered through."""
    first = 0
    for number, size in enumerate(sizes):
        write(path / f"s-{number:06d}.tar", range(first, first + size), make)
        first += size
    if sized:
        names = {f"s-{number:06d}.tar": size for number, size in enumerate(sizes)}
        (path / "sizes.json").write_text(json.dumps(names))
    return path


def loader(
    place: Path | str | Sequence[Dataset], name: str = "image", text: str | TextPolicy = "txt", **settings
) -> Loader:
    """A loader over one folder, of batches of 4, shuffling 6 samples at a time."""
    datasets = [Dataset(str(place))] if isinstance(place, str | Path) else place
    settings = {"batch_size": 4, "seed": 7, "shuffle": 6, **settings}
    policy = text_policy(text) if isinstance(text, str) else text
    return Loader(datasets, modality(name), VISION, Letters(), policy, **settings)


def npy(values: np.ndarray) -> bytes:
    stored = io.BytesIO()
    np.save(stored, values)
    return stored.getvalue()
