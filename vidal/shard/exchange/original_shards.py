"""Clips as the WebDataset tars that VIDAL-10M's trainer reads: 00000.tar and on, one depth map and one infrared picture
for each clip.

    KEY.frm{0..7}.jpg   keyframes, short side 256, which the loader asserts
    KEY.dep0.npy        depth of keyframe 3 in millimetres, float32 [H, W]
    KEY.tml0.jpg        infrared of keyframe 3
    KEY.raw.txt, KEY.mplug.txt, KEY.polish_mplug.txt, KEY.ofa{0..7}.txt

That the one frame is keyframe 3 follows from the loader's asking for `ofa3.txt` and no other. Depth is written as
float32, which torch takes whatever its version: how the original stored it is not known.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vidal.engine.tar import TarWriter
from vidal.media.images import with_short_side
from vidal.shard.exchange.original import keyframe_captions, metric, millimetres, opened
from vidal.shard.exchange.reading import Exported, Taken, taken, whole_folder
from vidal.shard.read import Shards

SIDE = 256
FRAME = 3
TEXTS = ("raw", "mplug", "polish_mplug")


def export_original_shards(shards: Shards, out: Path, samples: int = 1000) -> Exported:
    """Write every clip that the trainer would take into tars of `samples` clips below `out`, which appears whole, with
    `sizes.json` and `__len__`.

    Its loader drops a clip that lacks a text, a keyframe, depth or infrared, whatever is trained: `left_out` counts
    these by what they lack first.
    """
    done = Exported()
    sizes: dict[str, int] = {}
    with whole_folder(out) as folder:
        for number, group in enumerate(_groups(_fit(shards, done), samples)):
            name = f"{number:05d}.tar"
            with (folder / name).open("wb") as stream:
                sizes[name] = _write(stream, group)
        done.samples = sum(sizes.values())
        (folder / "sizes.json").write_text(json.dumps(sizes, indent=2) + "\n")
        (folder / "__len__").write_text(str(done.samples))
    return done


def _fit(shards: Shards, done: Exported) -> Iterator[Taken]:
    """The samples that the loader takes; the others are counted."""
    for sample in taken(shards):
        if lacking := _lacking(sample):
            done.left_out[lacking] += 1
        else:
            yield sample


def _groups(samples: Iterator[Taken], most: int) -> Iterator[Iterator[Taken]]:
    """Runs of at most `most` samples, none empty, each to be read before the next."""
    for first in samples:
        yield chain([first], islice(samples, most - 1))


def _write(stream: BinaryIO, samples: Iterator[Taken]) -> int:
    """Write one tar, and return how many samples it holds."""
    writer, count = TarWriter(stream), 0
    for sample in samples:
        for member, content in _members(sample):
            writer.add(f"{sample.key}.{member}", content)
        count += 1
    writer.close()
    return count


def _lacking(sample: Taken) -> str | None:
    """What the loader would miss first."""
    found = {
        "no clip": sample.series("frm", "jpg"),
        "no depth in metres": metric(sample) and f"dep{FRAME}.png" in sample.members,
        "no infrared": f"tml{FRAME}.jpg" in sample.members,
        **{f"no {view}": sample.text(view) for view in TEXTS},
        "no captions of keyframes": keyframe_captions(sample),
    }
    return next((reason for reason, there in found.items() if not there), None)


def _members(sample: Taken) -> list[tuple[str, bytes]]:
    """The members of a sample that lacks nothing, sorted."""
    depth = io.BytesIO()
    maps = millimetres(sample.members[f"dep{FRAME}.png"], metric(sample) or {})
    np.save(depth, maps.astype(np.float32), allow_pickle=False)
    texts = {view: sample.text(view) or "" for view in TEXTS}
    texts["polish_mplug"] = opened(texts["polish_mplug"])
    texts |= {f"ofa{number}": text for number, text in enumerate(keyframe_captions(sample) or ())}
    pictures = sample.series("frm", "jpg") or ()
    found = {
        "dep0.npy": depth.getvalue(),
        "tml0.jpg": sample.members[f"tml{FRAME}.jpg"],
        **{f"frm{number}.jpg": with_short_side(picture, SIDE) for number, picture in enumerate(pictures)},
        **{f"{view}.txt": text.encode() for view, text in texts.items()},
    }
    return sorted(found.items())
