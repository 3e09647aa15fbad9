"""Harvests through the command from a site with planted faults: what arrives, what is said of the rest, what the site
sees of it, and what an interruption costs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from vidal.demo.faults import FAULTS, REELS, crowd, crowd_entry, write_crowd
from vidal.demo.reply import Reply, Request, json_reply
from vidal.demo.sites import Sites
from vidal.demo.trouble import Entry
from vidal.engine.build import Options
from vidal.harvest.candidate import safe_id
from vidal.project import open_project

CONCURRENCY, PER_SECOND = 3, 20.0
TWO = {"kind": "local", "workers": 2}
NETWORK = {
    "allow": ["127.0.0.1"],
    "concurrency": CONCURRENCY,
    "per_second": PER_SECOND,
    "total_per_second": 1000,
    "read_timeout": 5,
    "timeout": 10,
    "breaker_failures": 20,
    "breaker_cooldown": 1,
}


class Thoughtful(Sites):
    """A site that takes so long for each answer that it is the places at it which are short."""

    def reply(self, request: Request) -> Reply:
        time.sleep(5 / PER_SECOND)
        return super().reply(request)


@dataclass
class Harvest:
    """A site that serves a crowd, and builds that harvest it into one workspace."""

    folder: Path
    entries: list[Entry]
    sites: Sites
    per_second: float = PER_SECOND

    def configure(self, **sections: Any) -> None:
        (self.folder / "reels.txt").write_text("\n".join(REELS))
        source = {"type": "peertube", "name": "site", "url": self.sites.base_url, "results": 1000}
        harvest = {
            "sources": [source],
            "network": {**NETWORK, "per_second": self.per_second},
            "media": {"max_megabytes": 1},
        }
        file = {
            "name": "faults",
            "workspace": str(self.folder / "w"),
            "part_size": 8,
            "tolerance": 0.3,
            "runner": {"kind": "local", "workers": 0},
            "resources": {"harvest/media": {"threads": 6}},
            "terms": {"sources": [{"name": "reels", "kind": "labels", "path": "reels.txt"}]},
            "harvest": harvest,
        }
        (self.folder / "vidal.yaml").write_text(yaml.safe_dump({**file, **sections}))

    def start(self, *words: str) -> subprocess.Popen[str]:
        """The build as a process group of its own."""
        command = [sys.executable, "-m", "vidal", "build", str(self.folder / "vidal.yaml")]
        return subprocess.Popen(
            [*command, "--stage", "terms", "--stage", "harvest", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            cwd=self.folder,
            env={**os.environ, "XDG_RUNTIME_DIR": str(self.folder), "TMPDIR": str(self.folder), "COLUMNS": "200"},
        )

    def build(self, *words: str, code: int = 0) -> str:
        process = self.start(*words)
        said, _ = process.communicate(timeout=600)
        assert process.returncode == code, said
        return said

    def report(self, code: int) -> Any:
        """What a build says with `--json`."""
        said = self.build("--json", code=code)
        return json.loads(said[said.index("{") :])

    def rows(self, step: str = "harvest/media") -> dict[str, dict[str, Any]]:
        """The committed rows of a step by sample, as the next build would find them."""
        build = open_project(self.folder / "vidal.yaml", [], ("terms", "harvest")).build(Options())
        columns = ["status", "rule", "error_class", "error_message", "attempts"]
        tables = build.store(step).tables(columns) if build.workspace.exists(step) else ()
        return {row["id"]: row for table in tables for row in table.to_pylist()}

    def wanted(self) -> dict[str, Entry]:
        """The entries by the id of their sample."""
        return {safe_id("site", entry.id): entry for entry in self.entries}

    def fetched(self) -> Counter[str]:
        """How often the file of each sample was asked for."""
        names = {f"/media/{entry.filename}": id_ for id_, entry in self.wanted().items()}
        return Counter(names[hit.path] for hit in list(self.sites.hits) if hit.path in names)


@pytest.fixture
def harvest(tmp_path: Path) -> Any:
    """Begin to serve entries."""
    opened: list[Sites] = []

    def begin(
        entries: list[Entry], kind: type[Sites] = Sites, per_second: float = PER_SECOND, **sections: Any
    ) -> Harvest:
        write_crowd(tmp_path / "world", entries)
        sites = kind(tmp_path / "world", entries).__enter__()
        opened.append(sites)
        made = Harvest(tmp_path, entries, sites, per_second)
        made.configure(**sections)
        return made

    yield begin
    for sites in opened:
        sites.__exit__(None, None, None)
        assert sites.errors == []


def check_outcomes(harvest: Harvest) -> None:
    """Every good clip has arrived, every bad one carries its reason, and none is missing from the count."""
    rows, wanted = harvest.rows(), harvest.wanted()
    counts = Counter(row["status"] for row in rows.values())
    assert counts["ok"] + counts["rejected"] + counts["failed"] == len(rows) == len(wanted)
    for id_, entry in wanted.items():
        row, expected = rows[id_], entry.expected
        found = (row["status"].replace("ok", "kept"), row["error_class"])
        assert found == (expected.status, expected.reason), f"{entry.trouble}: {row}"


def check_politeness(harvest: Harvest) -> None:
    """What the site saw of it kept within what the pipeline file allows. Of the requests that come within some time, so
    many may have been begun before it as are under way at once."""
    sites = harvest.sites
    assert sites.peak <= CONCURRENCY
    for seconds in (1.0, 2.0, 5.0):
        assert sites.busiest(seconds) <= seconds * harvest.per_second + 1 + CONCURRENCY


def check_tars(harvest: Harvest) -> int:
    """No tar that has its final name is cut short; returns how many there are."""
    tars = list(harvest.folder.glob("w/harvest/media/part-*.tar"))
    for path in tars:
        assert path.read_bytes()[-1024:] == bytes(1024)
        with tarfile.open(path) as tar:
            assert all(len(tar.extractfile(member).read()) == member.size for member in tar)
    return len(tars)


def faults_and_a_kill(harvest: Harvest, until: Callable[[], bool]) -> None:
    """Kill a build where `until` holds, and run the same command again."""
    process = harvest.start()
    deadline = time.monotonic() + 300
    while not until():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    done, before = harvest.rows(), harvest.fetched()
    assert 0 < len(done) < len(harvest.entries)
    assert check_tars(harvest)

    harvest.build()
    again = harvest.fetched() - before
    assert not set(again) & set(done), "fetched again although committed"
    assert {id_: row for id_, row in harvest.rows().items() if id_ in done} == done
    check_outcomes(harvest)
    check_politeness(harvest)
    check_tars(harvest)
    assert not [path for path in (harvest.folder / "w").rglob(".tmp-*")]
    sites = harvest.sites
    print(
        f"\n{len(harvest.entries)} candidates, killed with {len(done)} committed; the site saw {len(sites.hits)} "
        f"requests, {sites.peak} at once (allowed {CONCURRENCY}), {sites.busiest()} in one second and "
        f"{sites.busiest(5.0)} in five (allowed {harvest.per_second:g} a second)"
    )


def test_every_fault_has_its_reason_and_a_kill_repeats_nothing(harvest):
    """What takes its whole time at each of four attempts is left to the long run, and to the tests of the step."""
    crowded = harvest(crowd(60, every=4, faults=[name for name in FAULTS if name != "trickle"]), Thoughtful, runner=TWO)
    faults_and_a_kill(crowded, lambda: any(crowded.folder.glob("w/harvest/media/part-*.parquet")))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_five_hundred_candidates_with_a_fifth_of_faults(harvest):
    """A site that answers at once, so that it is the pace which holds the harvest back."""
    crowded = harvest(crowd(500), per_second=10.0, runner=TWO)
    faults_and_a_kill(crowded, lambda: len(crowded.fetched()) >= 250)
    before = len(crowded.sites.hits)
    crowded.build()
    assert len(crowded.sites.hits) == before, "asked the site although nothing was left to do"


def test_error_pages_are_not_saved_as_clips_no_row_vanishes_and_nothing_at_all_is_no_success(harvest):
    """Faults of video2dataset: a 404's page, or a login page, counted as a video; rows without a word; exit code 0."""
    troubles = ["missing", "gone", "refused", "page", "inward", "loop"]
    failing = harvest([crowd_entry(number, trouble) for number, trouble in enumerate(troubles)])
    [*_, media, admit] = failing.report(code=1)["steps"]
    assert media["step"] == "harvest/media"
    assert media["wanted"] == media["done"] == media["failures"] == sum(media["failed"].values()) == len(troubles)
    assert media["failed"] == {"NotFound": 2, "Refused": 1, "NotMedia": 1, "PrivateAddress": 1, "RedirectLoop": 1}
    assert admit["wanted"] == 0
    check_outcomes(failing)
    assert not [path for path in failing.folder.glob("w/harvest/media/part-*.tar") if path.stat().st_size > 10_240]
    assert "harvest/media" in failing.build(code=1)


class Shut(Sites):
    """A site that finds, and hands out no file until it is open."""

    open = False

    def reply(self, request: Request) -> Reply:
        if request.path.startswith("/media/") and not self.open:
            return json_reply(429, {"error": "Too Many Requests"}, {"Retry-After": "7200"})
        return super().reply(request)


def test_a_site_that_is_shut_condemns_no_clip(harvest):
    shut = harvest([crowd_entry(number) for number in range(12)], Shut)
    said = shut.build(code=1)
    assert "left pending 12" in said and "run the same command again later" in said
    assert not shut.rows()
    assert sum(shut.fetched().values()) <= CONCURRENCY + 1, "asked again although it was to be left alone"
    said = shut.build(code=1)
    assert "HostClosed 12" in said

    shut.sites.open = True
    for path in shut.folder.glob("vidal/*"):
        path.unlink()
    shut.build()
    check_outcomes(shut)


def test_a_dead_network_is_no_success_and_condemns_no_query(harvest):
    gone = harvest([crowd_entry(0)])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        source = {"type": "peertube", "name": "site", "url": f"http://127.0.0.1:{taken.getsockname()[1]}"}
        network = {**NETWORK, "breaker_failures": 3, "patience": 0}
        gone.configure(harvest={"sources": [source], "network": network})
        said = gone.build(code=1)
    assert f"left pending {len(REELS)}" in said
    assert not gone.rows("harvest/search")
    gone.configure()
    gone.build()
    assert len(gone.rows()) == 1


class Slow(Sites):
    """A site that sends files very slowly until it is quick."""

    quick = False

    def reply(self, request: Request) -> Reply:
        found = super().reply(request)
        if request.path.startswith("/media/") and not self.quick:
            return replace(found, pace=0.2, pieces=len(found.body) // 2000)
        return found


def test_a_download_that_was_killed_is_continued_by_the_next_build(harvest):
    slow = harvest([crowd_entry(0)], Slow)
    process = slow.start("--set", "harvest.network.timeout=120")
    parts = "vidal-*/downloads/*/*.part"
    deadline = time.monotonic() + 120
    while not any(path.stat().st_size for path in slow.folder.glob(parts)):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    [part] = slow.folder.glob(parts)
    have = part.stat().st_size
    slow.sites.quick = True
    slow.build()
    check_outcomes(slow)
    assert [hit.range for hit in slow.sites.hits if hit.path.startswith("/media/")] == [None, f"bytes={have}-"]
    assert not list(slow.folder.glob("vidal-*/downloads/*"))
