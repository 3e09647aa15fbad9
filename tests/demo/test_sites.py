from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from urllib.parse import urlencode

import pytest

from vidal.demo.freesound import SEARCH_PATHS
from vidal.demo.peertube import describe, short_uuid
from vidal.demo.sites import STALL_AFTER, Sites, serve_bytes


def get(url, headers=None, method="GET"):
    """Status, headers and body, whatever the status."""
    request = urllib.request.Request(url, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def find(sites, path, **query):
    status, _, body = get(f"{sites.base_url}{path}?{urlencode(query)}")
    return status, json.loads(body)


def media(sites, entry):
    return f"{sites.base_url}/media/{entry.filename}"


class TestVideoSearch:
    path = "/api/v1/search/videos"

    def test_terms_find_their_entries_through_all_pages(self, sites, entries):
        for entry in (e for e in entries if e.kind == "video"):
            for term in entry.terms:
                found, total = [], 1
                while len(found) < total:
                    status, page = find(sites, self.path, search=term, start=len(found), count=3)
                    assert status == 200 and page["data"]
                    found, total = found + page["data"], page["total"]
                assert entry.id in [video["uuid"] for video in found]
                assert len({video["uuid"] for video in found}) == total

    def test_a_video_has_peertubes_fields(self, sites, entries):
        _, page = find(sites, self.path, search="", count=100)
        assert page["total"] == sum(e.kind == "video" for e in entries)
        by_id = {entry.id: entry for entry in entries}
        for video in page["data"]:
            entry = by_id[video["uuid"]]
            assert video["name"] == entry.name and video["duration"] == round(entry.duration)
            assert video["url"] == f"{sites.base_url}/w/{entry.id}"
            assert len(video["shortUUID"]) == 22
            assert set(video["licence"]) == {"id", "label"} and video["language"]["id"] == "en"
            assert video["nsfw"] is False and video["isLive"] is False
            assert {"name", "displayName", "host"} <= set(video["account"]) & set(video["channel"])
            assert video["account"]["host"] == sites.base_url.removeprefix("http://")

    def test_hashtags_stand_at_the_end_of_the_name(self, sites, entries):
        entry = entries[0]
        name = describe(entry, sites.base_url)["name"]
        assert name.startswith(entry.title) and name.endswith(" ".join(f"#{tag}" for tag in entry.hashtags))

    def test_nothing_is_found_for_strange_words(self, sites):
        assert find(sites, self.path, search="zebra quantum") == (200, {"total": 0, "data": []})

    @pytest.mark.parametrize("query", [{"count": "101"}, {"start": "-1"}, {"count": "many"}, {"start": "٣"}])
    def test_wrong_parameters_are_refused(self, sites, query):
        status, problem = find(sites, self.path, **query)
        assert status == 400 and "Incorrect request parameters" in problem["detail"]

    def test_short_uuids_keep_their_order_and_length(self):
        assert short_uuid("00000000-0000-0000-0000-000000000001") == "1" * 21 + "2"
        assert len(short_uuid("ffffffff-ffff-ffff-ffff-ffffffffffff")) == 22


class TestMedia:
    def test_whole_file_with_type_and_tag(self, sites, folder, entries):
        types = {"h264": "video/mp4", "vp9": "video/webm", "opus": "audio/ogg"}
        for codec, mime in types.items():
            entry = next(e for e in entries if e.codec == codec)
            status, headers, body = get(media(sites, entry))
            assert status == 200 and body == (folder / entry.filename).read_bytes()
            assert headers["Content-Type"] == mime
            assert headers["Accept-Ranges"] == "bytes"
            assert get(media(sites, entry), {"If-None-Match": headers["ETag"]})[0] == 304

    @pytest.mark.parametrize(
        ("asked", "start", "stop"), [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-7", -7, None)]
    )
    def test_ranges(self, sites, folder, entries, asked, start, stop):
        data = (folder / entries[0].filename).read_bytes()
        status, headers, body = get(media(sites, entries[0]), {"Range": asked})
        assert status == 206 and body == data[start:stop]
        first = data.index(body) if start == 0 else len(data[:start])
        assert headers["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(data)}"
        assert sites.hits[-1].range == asked

    def test_a_range_beyond_the_end_is_416(self, sites, folder, entries):
        size = (folder / entries[0].filename).stat().st_size
        status, headers, _ = get(media(sites, entries[0]), {"Range": f"bytes={size}-"})
        assert status == 416 and headers["Content-Range"] == f"bytes */{size}"

    @pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "bytes=-", "items=0-4", "bytes=x-"])
    def test_ranges_it_does_not_understand_get_the_whole_file(self, asked):
        assert serve_bytes(b"0123456789", "video/mp4", {"range": asked}).status == 200

    def test_a_range_of_another_version_gets_the_whole_file(self):
        reply = serve_bytes(b"0123456789", "video/mp4", {"range": "bytes=2-3", "if-range": '"old"'})
        assert (reply.status, reply.body) == (200, b"0123456789")

    def test_head_sends_no_body(self, sites, folder, entries):
        status, headers, body = get(media(sites, entries[0]), method="HEAD")
        assert status == 200 and body == b""
        assert int(headers["Content-Length"]) == (folder / entries[0].filename).stat().st_size

    @pytest.mark.parametrize("path", ["/media/nothing.mp4", "/media/../conftest.py", "/media/%2e%2e/x", "/w/none", "/"])
    def test_what_is_not_in_the_catalogue_is_404(self, sites, path):
        assert get(sites.base_url + path)[0] == 404


class TestFaults:
    def test_404(self, sites, troubled):
        assert get(media(sites, troubled("not_found")))[0] == 404

    def test_503_for_good(self, sites, troubled):
        assert [get(media(sites, troubled("unavailable")))[0] for _ in range(3)] == [503, 503, 503]

    @pytest.mark.parametrize("trouble", ["rate_limited", "rate_limited_page"])
    def test_429_first_then_ok(self, sites, troubled, trouble):
        entry = troubled(trouble)
        path = f"/media/{entry.filename}" if trouble == "rate_limited" else f"/w/{entry.id}"
        status, headers, _ = get(sites.base_url + path)
        assert (status, headers["Retry-After"]) == (429, "1")
        assert get(sites.base_url + path)[0] == 200
        assert (sites.count(path), sites.count(path, 429)) == (2, 1)

    def test_slow_answers_arrive_whole(self, sites, folder, troubled):
        entry = troubled("slow")
        assert get(media(sites, entry))[2] == (folder / entry.filename).read_bytes()

    def test_stalled_answers_never_end_however_one_resumes(self, sites, troubled):
        for headers in ({}, {"Range": f"bytes={STALL_AFTER}-"}):
            request = urllib.request.Request(media(sites, troubled("stalled")), headers=headers)
            with urllib.request.urlopen(request, timeout=0.5) as answer:
                if not headers:
                    assert len(answer.read(STALL_AFTER)) == STALL_AFTER
                with pytest.raises(TimeoutError):
                    answer.read(1)

    def test_closing_does_not_wait_for_stalled_answers(self, folder, entries, troubled):
        with Sites(folder, entries) as sites:
            answer = urllib.request.urlopen(media(sites, troubled("stalled")), timeout=20)
            before = threading.active_count()
        assert sites.closing.is_set() and before > 1
        answer.close()


class TestSounds:
    path = SEARCH_PATHS[0]

    def test_terms_find_sounds_and_previews_play(self, sites, folder, entries):
        for entry in (e for e in entries if e.kind == "audio"):
            for term in entry.terms:
                _, page = find(sites, self.path, query=term, fields="id,name,previews,duration,license", token="any")
                (sound,) = [s for s in page["results"] if s["id"] == int(entry.id)]
                assert set(sound) == {"id", "name", "previews", "duration", "license"}
            ogg = get(sound["previews"]["preview-hq-ogg"])
            mp3 = get(sound["previews"]["preview-hq-mp3"])
            assert ogg[2] == (folder / entry.filename).read_bytes() and ogg[2].startswith(b"OggS")
            assert mp3[0] == 200 and mp3[1]["Content-Type"] == "audio/mpeg"

    def test_pages_link_to_each_other_without_the_token(self, sites, entries):
        seen, url = [], f"{sites.base_url}{self.path}?query=&page_size=3&token=secret"
        while url:
            _, _, body = get(url, {"Authorization": "Token secret"})
            page = json.loads(body)
            seen += [sound["id"] for sound in page["results"]]
            url = page["next"]
            assert url is None or "secret" not in url
        assert seen == [int(e.id) for e in entries if e.kind == "audio"] and page["count"] == len(seen)

    def test_default_fields_are_freesounds(self, sites):
        _, page = find(sites, self.path, query="", token="any")
        assert set(page["results"][0]) == {"id", "name", "tags", "license", "username"}

    def test_a_token_is_needed(self, sites):
        assert find(sites, self.path, query="bell")[0] == 401
        assert get(f"{sites.base_url}{self.path}?query=bell", {"Authorization": "Token x"})[0] == 200

    def test_pages_beyond_the_end_and_wrong_sizes_are_refused(self, sites):
        assert find(sites, self.path, query="", page=99, token="any")[0] == 404
        assert find(sites, self.path, query="", page_size=1000, token="any")[0] == 400


def test_concurrent_requests_are_served_and_counted(sites, entries):
    slow = next(e for e in entries if e.trouble == "slow")
    threads = [threading.Thread(target=get, args=(media(sites, slow),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sites.count(f"/media/{slow.filename}", 200) == 6
    assert 2 <= sites.peak <= 6


def test_a_given_port_is_taken_and_freed(folder, entries):
    with Sites(folder, entries) as sites:
        port = int(sites.base_url.rsplit(":", 1)[1])
    with Sites(folder, entries, port=port) as again:
        assert again.base_url.endswith(f":{port}")
        assert get(f"{again.base_url}/api/v1/search/videos")[0] == 200


def test_nothing_is_printed(folder, entries, capfd):
    with Sites(folder, entries) as sites:
        get(f"{sites.base_url}/nothing")
        get(f"{sites.base_url}/media/{entries[0].filename}")
    assert capfd.readouterr() == ("", "")
