"""`harvest/media`: fetch a candidate's media and normalise it, in one decode."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal.engine.schemas import PROBE_COLUMNS
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.harvest.config import MediaConfig, SourceConfig
from vidal.harvest.sources import Source, open_source


class Media(Step):
    """The clip, its 8 keyframes and its sound: all that later steps read of a sample."""

    name = "harvest/media"
    reads = (Read("harvest/candidates", ("source", "url", "revision")), Read("harvest/screen"))
    columns = {
        **PROBE_COLUMNS,
        "width": pa.int32(),
        "height": pa.int32(),
        "frame_index": pa.list_(pa.int32()),
        "frame_seconds": pa.list_(pa.float64()),
        "audio_seconds": pa.float64(),
    }
    members = ("mp4", "frm*.jpg", "flac")
    resources = Resources(threads=2)

    def __init__(self, config: MediaConfig, sources: Sequence[SourceConfig], base: Path) -> None:
        self.config = config
        self._configs = sources
        self._base = base
        self._sources: dict[str, Source] = {}

    def settings(self) -> Mapping[str, Any]:
        return self.config.model_dump(mode="json", exclude={"read_timeout", "timeout"})

    def setup(self) -> None:
        self._sources = {config.name: open_source(config, self._base) for config in self._configs}

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        return [self._one(sample) for sample in samples]

    def _one(self, sample: Sample) -> Result:
        from vidal.media.limits import MediaLimits, MediaSettings
        from vidal.media.normalise import normalise

        config = self.config
        limits = MediaLimits(
            max_seconds=config.max_seconds, max_bytes=int(config.max_megabytes * 1e6), timeout_s=config.timeout
        )
        settings = MediaSettings(short_side=config.short_side, keyframes=config.keyframes)
        source = self._sources[sample.columns["source"]]
        with tempfile.TemporaryDirectory(prefix="vidal-") as folder:
            path = source.fetch(sample.columns["url"], sample.kind, Path(folder), limits.max_bytes, config.read_timeout)
            done = normalise(path, sample.kind, settings, limits)
        facts = done.probe.to_dict()
        renamed = {name: facts[_PROBE_NAMES.get(name, name)] for name in PROBE_COLUMNS}
        columns = {
            **renamed,
            "width": done.width,
            "height": done.height,
            "frame_index": done.frame_index,
            "frame_seconds": done.frame_seconds,
            "audio_seconds": done.audio_seconds,
        }
        return sample.ok(columns, done.members)


_PROBE_NAMES = {
    "source_width": "width",
    "source_height": "height",
    "source_frames": "frames",
    "source_bytes": "bytes",
    "source_sha256": "sha256",
}
