"""Clips as the files that VIDAL-10M's generators wrote and its trainer reads: a folder for each clip and modality.

OUT/annotations.json                                        the texts of every clip, by id
OUT/BUCKET/ID_depth_f8glpn_folder/{0..7}.png                depth, 16-bit millimetres
OUT/BUCKET/ID_thermal_folder/{0..7}.jpg                     infrared
OUT/BUCKET/ID_caption.json                                  {ID: [8 captions of keyframes]}
OUT/BUCKET_resize256_skip15/ID.mp4                          the clip
OUT/BUCKET_resize256_skip15/ID_resize256_folder/{0..7}.jpg  its keyframes
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vidal.media.depth_png import encode_depth
from vidal.shard.annotations import annotation_file
from vidal.shard.exchange.original import bare, keyframe_captions, metric, millimetres
from vidal.shard.exchange.reading import Exported, Taken, taken, whole_folder
from vidal.shard.read import Shards

CLIPS = "_resize256_skip15"


def export_folders(shards: Shards, out: Path) -> Exported:
    """Write every clip of the shards below `out`, which appears whole. A bucket is a shard.

    A clip may lack depth in metres, infrared or texts: `without` counts these. Sounds, clips whose key is no name of a
    file, and all but the first of one id are left out.
    """
    done = Exported()
    seen: set[str] = set()
    with whole_folder(out) as folder, annotation_file(folder / "annotations.json") as annotate:
        for sample in taken(shards):
            if reason := _unfit(sample, seen):
                done.left_out[reason] += 1
                continue
            seen.add(str(sample.id))
            annotate(str(sample.id), _entry(sample))
            done.without.update(_write(folder, str(sample.id), sample))
            done.samples += 1
    return done


def _unfit(sample: Taken, seen: set[str]) -> str | None:
    if "mp4" not in sample.members:
        return "no clip"
    if sample.id is None:
        return "no plain name"
    return "an id twice" if sample.id in seen else None


def _write(folder: Path, id_: str, sample: Taken) -> list[str]:
    """Write a clip, and return what it lacks."""
    generated, clips = folder / sample.shard, folder / f"{sample.shard}{CLIPS}"
    depth, maps = metric(sample), sample.series("dep", "png")
    captions = keyframe_captions(sample)
    _files(clips, {f"{id_}.mp4": sample.members["mp4"]})
    lacking = [
        _series(clips / f"{id_}_resize256_folder", sample.series("frm", "jpg"), "jpg", "keyframes"),
        _series(
            generated / f"{id_}_depth_f8glpn_folder",
            [encode_depth(millimetres(each, depth)) for each in maps] if depth and maps else None,
            "png",
            "depth in metres",
        ),
        _series(generated / f"{id_}_thermal_folder", sample.series("tml", "jpg"), "jpg", "infrared"),
        None if captions else "captions of keyframes",
    ]
    if captions:
        _files(generated, {f"{id_}_caption.json": json.dumps({id_: captions}, ensure_ascii=False).encode()})
    return [what for what in lacking if what]


def _series(folder: Path, pictures: list[bytes] | None, suffix: str, what: str) -> str | None:
    if pictures is None:
        return what
    _files(folder, {f"{number}.{suffix}": picture for number, picture in enumerate(pictures)})
    return None


def _files(folder: Path, content: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)


def _entry(sample: Taken) -> dict[str, Any]:
    """The clip's texts as the annotation file has them; a view that it lacks is left out."""
    refined = sample.text("polish_mplug")
    views = {
        "mplug": sample.text("mplug"),
        "polish_mplug": bare(refined) if refined else None,
        "ofa": keyframe_captions(sample),
        "sound_mplug": sample.text("sound_mplug"),
        "raw": sample.text("raw"),
    }
    return {"folder": sample.shard, **{name: text for name, text in views.items() if text}}
