"""`harvest/media`: fetch a candidate's media and normalise it, in one decode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal.engine.commits import Store
from vidal.engine.schemas import PAGE, PROBE_COLUMNS
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.harvest.candidate import storable, updated
from vidal.harvest.config import HarvestConfig
from vidal.harvest.network.client import Network
from vidal.harvest.partial import scratch, sweep
from vidal.harvest.screening.rules import ASKED, Rules
from vidal.harvest.sources import Declined, Order, Source, open_source
from vidal.harvest.uploaders import Uploaders


class Media(Step):
    """The clip, its 8 keyframes and its sound: all that later steps read of a sample.

    Where the page of a clip breaks a rule of `harvest.screen`, nothing is downloaded: the sample is rejected by that
    rule. `page` holds what the page said, `fetched` the instant (UTC) of the download.
    """

    name = "harvest/media"
    version = 2
    reads = (Read("harvest/candidates", ("source", "url", "revision"), hints=ASKED), Read("harvest/screen"))
    columns = {
        **PROBE_COLUMNS,
        "width": pa.int32(),
        "height": pa.int32(),
        "frame_index": pa.list_(pa.int32()),
        "frame_seconds": pa.list_(pa.float64()),
        "audio_seconds": pa.float64(),
        "page": PAGE,
        "fetched": pa.string(),
    }
    unpublished = ("page", "fetched")
    members = ("mp4", "frm*.jpg", "flac")
    resources = Resources(threads=2)

    def __init__(self, config: HarvestConfig, base: Path) -> None:
        self.config = config.media
        self._uploaders = Uploaders(config.uploaders)
        self.rules = Rules(config.screen, base, self._uploaders)
        self._harvest = config
        self._base = base
        self._network: Network | None = None
        self._sources: dict[str, Source] = {}

    def settings(self) -> Mapping[str, Any]:
        return self.config.model_dump(mode="json", exclude={"timeout"})

    def policy(self) -> Mapping[str, Any]:
        return self.rules.metadata_settings()

    def forecast(self, ids: Iterable[str], stores: Mapping[str, Store]) -> tuple[str, ...]:
        return forecast(ids, [open_source(config, self._base) for config in self._harvest.sources])

    def setup(self) -> None:
        sweep()
        self._network = Network(self._harvest.network, self._base)
        opened = [open_source(config, self._base, self._network) for config in self._harvest.sources]
        self._sources = {source.name: source for source in opened}

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
        source, url = self._sources[sample.columns["source"]], sample.columns["url"]

        def broken(facts: Mapping[str, Any]) -> str | None:
            return self.rules.failed({**updated(sample.columns, facts), "id": sample.id, "url": url})

        with scratch(f"{sample.id} {url}") as folder:
            order = Order(url, sample.kind, folder, limits.max_bytes, config.short_side, broken)
            try:
                with self._network.attempt(limits.max_bytes):
                    fetched = source.fetch(order)
            except Declined as declined:
                return sample.rejected(declined.rule, self._told(declined.facts))
            done = normalise(fetched.path, sample.kind, settings, limits)
        facts = done.probe.to_dict()
        columns = {
            **{name: facts[_PROBE_NAMES.get(name, name)] for name in PROBE_COLUMNS},
            "width": done.width,
            "height": done.height,
            "frame_index": done.frame_index,
            "frame_seconds": done.frame_seconds,
            "audio_seconds": done.audio_seconds,
            **self._told(fetched.facts),
        }
        return sample.ok(columns, done.members)

    def _told(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        known = {field.name for field in PAGE}
        told = {name: value for name, value in self._uploaders.kept(facts).items() if name in known}
        return {"page": storable(told) or None, "fetched": datetime.now(UTC).isoformat(timespec="seconds")}


def forecast(ids: Iterable[str], sources: Iterable[Source]) -> tuple[str, ...]:
    """How long the media of these samples take at least, for sources whose sites state or show a limit."""
    counts = Counter(id_.partition("_")[0] for id_ in ids)
    return tuple(
        f"{source.name}: {counts[source.name]:,} to fetch at about {source.per_hour:g} an hour from one address: "
        f"{_span(counts[source.name] / source.per_hour)}"
        for source in sources
        if source.per_hour and counts[source.name]
    )


def _span(hours: float) -> str:
    if hours < 1:
        return f"{max(1, round(60 * hours))} minutes"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:,.1f} days"


_PROBE_NAMES = {
    "source_width": "width",
    "source_height": "height",
    "source_frames": "frames",
    "source_bytes": "bytes",
    "source_sha256": "sha256",
}
