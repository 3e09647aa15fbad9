"""`harvest/media` over the demo's sites: what becomes of a candidate, attempt by attempt."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from vidal.demo.faults import FAULTS, crowd_entry, write_crowd
from vidal.demo.sites import Sites
from vidal.engine.attempt import Retry, attempt
from vidal.engine.errors import SampleError, TransientError
from vidal.engine.step import Result, Sample
from vidal.harvest.config import HarvestConfig
from vidal.harvest.media import Media, forecast

QUICK = {"allow": ["127.0.0.1"], "per_second": 1000, "total_per_second": 1000, "concurrency": 8, "read_timeout": 5}


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Sites]:
    """A site with one entry of each fault, and good ones."""
    entries = [crowd_entry(number, trouble) for number, trouble in enumerate([None, *FAULTS])]
    write_crowd(tmp_path / "world", entries)
    with Sites(tmp_path / "world", entries) as sites:
        yield sites
        assert sites.errors == []


@pytest.fixture
def media(crowded: Sites, tmp_path: Path) -> Callable[..., Media]:
    def make(screen: dict[str, Any] | None = None, megabytes: float = 1, **network: Any) -> Media:
        config = {
            "sources": [{"type": "peertube", "name": "site", "url": crowded.base_url}],
            "network": {**QUICK, **network},
            "screen": screen or {},
            "media": {"max_megabytes": megabytes},
        }
        step = Media(HarvestConfig.model_validate(config), tmp_path)
        step.setup()
        return step

    return make


def sample(sites: Sites, trouble: str | None) -> Sample:
    entry = next(entry for entry in sites.entries if entry.trouble == trouble)
    columns = {"source": "site", "url": f"{sites.base_url}/w/{entry.id}", "revision": None}
    return Sample(f"site_{entry.id}", "video", columns)


def run(step: Media, one: Sample) -> Result:
    [result] = attempt(step, [one], Retry(base=0.01))
    return result


def ranges(sites: Sites, trouble: str | None) -> list[str | None]:
    entry = next(entry for entry in sites.entries if entry.trouble == trouble)
    return [hit.range for hit in sites.hits if hit.path == f"/media/{entry.filename}"]


def test_a_good_clip_arrives_with_its_sound_though_its_pictures_are_made_smaller(crowded, media):
    """A fault of video2dataset: the graph that resizes maps the pictures only."""
    result = run(media(), sample(crowded, None))
    assert result.status == "ok" and result.attempts == 1
    assert result.columns["height"] == 256 and result.columns["source_height"] == 240
    with av.open(io.BytesIO(result.members["mp4"])) as clip:
        assert [stream.type for stream in clip.streams] == ["video", "audio"]
        assert sum(frame.samples for frame in clip.decode(audio=0)) > 0
    assert result.columns["audio_seconds"] == pytest.approx(1.0, abs=0.1)
    assert result.members["flac"].startswith(b"fLaC")
    assert result.columns["page"]["title"]


@pytest.mark.parametrize("trouble", [name for name in FAULTS if name != "trickle"])
def test_each_fault_has_its_reason(crowded, media, trouble):
    expected, result = FAULTS[trouble].expected, run(media(breaker_failures=50), sample(crowded, trouble))
    assert result.status == expected.status.replace("kept", "ok")
    assert (result.failure and result.failure.error_class) == expected.reason
    assert bool(result.members) == (expected.status == "kept")


def test_a_slow_body_does_not_run_for_minutes(crowded, media):
    """A fault of video2dataset: a timeout for each read, and none for the whole."""
    began = time.monotonic()
    with pytest.raises(TransientError) as caught:
        media(timeout=1).process([sample(crowded, "trickle")])
    assert caught.value.error_class == "Timeout" and not caught.value.pending
    assert time.monotonic() - began < 20


def test_a_body_that_broke_off_is_continued_by_the_next_attempt(crowded, media):
    result = run(media(), sample(crowded, "broken"))
    assert result.status == "ok" and result.attempts == 2
    first, second = ranges(crowded, "broken")
    assert first is None and second.startswith("bytes=") and second != "bytes=0-"


def test_a_single_file_that_is_never_served_fails_alone(crowded, media):
    step = media()
    assert run(step, sample(crowded, "never")).failure.error_class == "Unavailable"
    assert run(step, sample(crowded, None)).status == "ok"


def test_nothing_is_fetched_of_a_clip_that_breaks_a_rule_once_its_page_is_read(crowded, media):
    result = run(media(screen={"licences": ["CC0-1.0"], "unknown_licence": "ask"}), sample(crowded, None))
    assert (result.status, result.rule) == ("rejected", "licence")
    assert result.columns["page"]["title"]
    assert ranges(crowded, None) == []


def test_nothing_is_left_of_what_is_done_and_nothing_of_what_is_hopeless(crowded, media, own_state):
    step = media()
    for trouble in (None, "page", "endless", "shorter", "missing"):
        run(step, sample(crowded, trouble))
    assert not list(own_state.glob("vidal-*/downloads/*"))


def test_a_message_names_no_file_of_this_machine(crowded, media, own_state):
    for trouble in ("page", "endless", "shorter", "cut"):
        with pytest.raises(SampleError) as caught:
            media().process([sample(crowded, trouble)])
        assert str(own_state) not in str(caught.value)


class Paced:
    def __init__(self, name, per_hour):
        self.name, self.per_hour = name, per_hour


@pytest.mark.parametrize(
    ("per_hour", "count", "span"),
    [(300.0, 2, "1 minutes"), (300.0, 150, "30 minutes"), (300.0, 1500, "5.0 hours"), (300.0, 300_000, "41.7 days")],
)
def test_what_a_sites_pace_makes_of_a_harvest_is_said_beforehand(per_hour, count, span):
    ids = (f"tube_{number}" for number in range(count))
    [line] = forecast(ids, [Paced("tube", per_hour), Paced("free", None), Paced("other", 10.0)])
    assert line == f"tube: {count:,} to fetch at about 300 an hour from one address: {span}"
