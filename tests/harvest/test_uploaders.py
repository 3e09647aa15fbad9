"""What is kept of who uploaded a clip or a sound: the policy, and every file that a harvest leaves."""

from __future__ import annotations

import hashlib
import hmac
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.attempt import Retry
from vidal.engine.build import Build, Options
from vidal.engine.errors import MissingError
from vidal.engine.nodes import Summary, Table
from vidal.engine.progress import Lines
from vidal.engine.runners.local import LocalRunner
from vidal.engine.runs import RunRecord, new_id
from vidal.engine.workspace import Workspace
from vidal.harvest.config import HarvestConfig, UploaderConfig
from vidal.harvest.stage import harvest
from vidal.harvest.uploaders import Uploaders
from vidal.terms.table import OUTPUT

KEY = "VIDAL_UPLOADER_KEY"
FACTS = {"title": "A red ball", "uploader": "Some One", "uploader_id": "@SomeOne", "licence": None}


def test_names_are_kept_as_they_are(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    assert Uploaders(UploaderConfig()).kept(FACTS) == FACTS


def test_nothing_is_nothing_without_a_key(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    kept = Uploaders(UploaderConfig(keep="nothing")).kept(FACTS)
    assert kept == {**FACTS, "uploader": None, "uploader_id": None}


def test_hashes_are_keyed_by_the_environment(monkeypatch):
    policy = Uploaders(UploaderConfig(keep="hashes", key_env="ANOTHER_KEY"))
    monkeypatch.setenv("ANOTHER_KEY", "first")
    kept = policy.kept(FACTS)
    wanted = hmac.new(b"first", b"someone", hashlib.sha256).hexdigest()[:32]
    assert kept["uploader_id"] == wanted and kept["title"] == FACTS["title"]
    assert kept["uploader"] != kept["uploader_id"] and len(kept["uploader"]) == 32
    monkeypatch.setenv("ANOTHER_KEY", "second")
    assert not set(policy.kept(FACTS).values()) & {kept["uploader"], wanted}


def test_what_is_unknown_stays_unknown_and_needs_no_key(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    policy = Uploaders(UploaderConfig(keep="hashes"))
    for facts in ({"uploader": None, "uploader_id": None}, {"uploader": ""}, {"title": "x"}):
        assert policy.kept(facts) == facts


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_key_is_one_message(monkeypatch, value):
    monkeypatch.delenv(KEY, raising=False)
    if value is not None:
        monkeypatch.setenv(KEY, value)
    with pytest.raises(MissingError, match=r"harvest\.uploaders") as caught:
        Uploaders(UploaderConfig(keep="hashes")).kept(FACTS)
    assert KEY in str(caught.value) and "\n" not in str(caught.value) and "Some One" not in str(caught.value)


@given(st.text("abcxyz猫é .-_", min_size=1))
def test_any_name_has_a_hash_that_does_not_show_it(name):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY, "a secret")
        policy = Uploaders(UploaderConfig(keep="hashes"))
        hashed = policy.stored(name)
        assert len(hashed) == 32 and set(hashed) <= set("0123456789abcdef")
        assert hashed == policy.stored(f" {name} ") and hashed != policy.stored(f"{name}x")


WHO = ("Zebulon Quagmire", "zebulonq", "https://tube.example/accounts/zebulonq")
SOUND = {
    "id": 7, "name": "A bell rings", "tags": ["bell"], "license": "http://creativecommons.org/licenses/by/3.0/",
    "username": WHO[1], "duration": 2.0,
}  # fmt: skip
VIDEO = {
    "uuid": "11111111-2222-3333-4444-555555555555", "name": "A red ball", "duration": 2, "isLive": False,
    "licence": {"id": 1, "label": "Attribution"}, "account": {"displayName": WHO[0], "url": WHO[2]},
}  # fmt: skip


class Terms(Table):
    """Two terms, without corpora."""

    name = "terms/terms"

    def settings(self):
        return {}

    def run(self, context):
        rows = [{"id": "b", "term": "ball", "modality": "video"}, {"id": "r", "term": "ring", "modality": "audio"}]
        context.workspace.write_table(OUTPUT, pa.Table.from_pylist(rows))
        return Summary(2, 0, 2)


@pytest.fixture
def built(site, world, tmp_path, monkeypatch):
    """Harvest a clip and a sound whose uploader is told by searches and by the clip's page; the build and the reports
    by step."""
    clip, page = f"{site.url}/clip.mp4", f"{site.url}/w/1"
    told = {
        "@context": "https://schema.org", "@type": "VideoObject", "name": "A red ball", "contentUrl": clip,
        "author": {"@type": "Person", "name": WHO[0]}, "duration": "PT2S", "uploadDate": "2026-03-01T12:00:00Z",
    }  # fmt: skip
    text = f'<html><head><title>A</title><script type="application/ld+json">{json.dumps(told)}</script></head></html>'
    site.answers |= {
        "/apiv2/search/": answer({"results": [{**SOUND, "previews": {"preview-hq-ogg": f"{site.url}/sound.ogg"}}]}),
        "/api/v1/search/videos": answer({"total": 1, "data": [{**VIDEO, "url": page}]}),
        "/w/1": (200, {"Content-Type": "text/html"}, text.encode()),
        "/clip.mp4": (200, {"Content-Type": "video/mp4"}, world.bytes("good")),
        "/sound.ogg": (200, {"Content-Type": "audio/ogg"}, world.bytes("sound")),
    }
    monkeypatch.setenv("FREESOUND_API_KEY", "token")

    def run(keep, **screen):
        config = HarvestConfig.model_validate(
            {
                "sources": [
                    {"type": "peertube", "name": "tube", "url": site.url},
                    {"type": "freesound", "name": "sounds", "url": site.url},
                ],
                "network": {"allow": ["127.0.0.1"], "per_second": 1000.0, "total_per_second": 1000.0},
                "uploaders": {"keep": keep},
                "screen": screen,
                "media": {"short_side": 96},
            }
        )
        nodes = [Terms(), *harvest(config, tmp_path, 4).nodes]
        build = Build(Workspace(str(tmp_path / "w")), nodes, Options(retry=Retry(attempts=1)))
        record = RunRecord(build.workspace, new_id(), {}, ["test"])
        try:
            reports = build.run(lambda pending: LocalRunner(0), Lines(lambda line: None), record)
        finally:
            record.close()
        return build, {report.step: report for report in reports}

    return run


def answer(value):
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


def left(folder):
    """Every text that a harvest leaves: the values of its tables, and the bytes of its files as they are."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield path.read_bytes().lower()
        if path.suffix == ".parquet":
            yield repr(pq.read_table(path).to_pylist()).lower().encode()


def names_in(folder):
    return {name for name in WHO for content in left(folder) if name.lower().encode() in content}


def who(build):
    """What is told of the uploaders in the end, by kind."""
    rows = build.store("harvest/admit").table(["kind", "status", "uploader", "uploader_id"]).to_pylist()
    assert {row["status"] for row in rows} == {"ok"}
    return {row["kind"]: (row["uploader"], row["uploader_id"]) for row in rows}


def test_names_are_where_they_are_looked_for(built, tmp_path):
    build, _ = built("names")
    assert who(build) == {"video": (WHO[0], WHO[2]), "audio": (WHO[1], WHO[1])}
    assert names_in(tmp_path / "w") == set(WHO)


@pytest.mark.parametrize("keep", ["hashes", "nothing"])
def test_no_file_of_a_workspace_holds_a_name_that_is_not_kept(built, tmp_path, monkeypatch, keep):
    monkeypatch.setenv(KEY, "a secret")
    build, reports = built(keep)
    assert reports["harvest/media"].done == 2 and names_in(tmp_path / "w") == set()
    pages = build.store("harvest/media").table(["kind", "page"]).to_pylist()
    told = next(row["page"]["uploader"] for row in pages if row["kind"] == "video")
    found = who(build)
    if keep == "nothing":
        assert told is None and found == {"video": (None, None), "audio": (None, None)}
    else:
        policy = Uploaders(UploaderConfig(keep="hashes"))
        assert told == policy.stored(WHO[0]) and found["video"] == (told, policy.stored(WHO[2]))
        assert found["audio"] == (policy.stored(WHO[1]),) * 2


def test_a_missing_key_ends_the_build_before_anything_is_written_of_anybody(built, tmp_path, monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    with pytest.raises(MissingError, match=KEY):
        built("hashes")
    assert names_in(tmp_path / "w") == set()


@pytest.mark.parametrize("keep", ["names", "hashes"])
def test_an_uploader_denied_later_is_found_by_name(built, site, monkeypatch, keep):
    monkeypatch.setenv(KEY, "a secret")
    built(keep)
    asked = len(site.asked)
    deny = {"entries": [f"uploader:{WHO[0]}", "@ZebulonQ"]}
    _, reports = built(keep, deny=deny)
    assert reports["harvest/screen"].rejected == {"deny": 2} and len(site.asked) == asked


def test_a_licence_that_a_search_told_counts_where_the_page_tells_none(built):
    build, reports = built("names", licences=["CC-BY"], unknown_licence="reject")
    assert reports["harvest/media"].rejected == {} and reports["harvest/media"].done == 2
    assert set(who(build)) == {"video", "audio"}
