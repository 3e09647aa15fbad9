"""yt-dlp's own extractor of YouTube, asked through the harvest's network: of recorded answers, and of made-up ones."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import httpx2 as httpx
import pytest
from pydantic import ValidationError

from tests.harvest.sources.innertube import CHANNEL, Clip, Served, YouTube, format_
from vidal.engine.errors import PendingError, SampleError, TransientError
from vidal.harvest.candidate import safe_id
from vidal.harvest.media import forecast
from vidal.harvest.screening.config import ScreenConfig
from vidal.harvest.screening.rules import Rules
from vidal.harvest.sources import Declined, Order, open_source
from vidal.harvest.sources.youtube import YouTubeConfig
from vidal.media.limits import MediaLimits
from vidal.media.probe import survey
from vidal.text.hashtags import split_hashtags

RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "recordings" / "youtube"
LIMIT = 5_000_000


def section(**given):
    return YouTubeConfig(type="youtube", name="yt", **{"videos_per_hour": 1e6, **given})


def found(network, term, **given):
    with network.attempt():
        return list(open_source(section(**given), Path(), network).search(term))


def rules(candidates):
    """The rule of the screen that rejects each candidate, None where it passes."""
    screen = Rules(ScreenConfig(), Path())
    return [screen.screened(candidate.to_row()).rule for candidate in candidates]


# Searches, as recorded


class Recorded:
    """Answers a search with the recorded page of the same continuation, else of the same query."""

    def __init__(self, folder):
        self.pages = [json.loads(gzip.decompress(path.read_bytes())) for path in sorted(folder.glob("*.json.gz"))]
        self.asked = []

    def __call__(self, request):
        body = json.loads(request.read())
        self.asked.append(request.url.path)
        assert (request.method, request.url.path) == ("POST", "/youtubei/v1/search")
        name = "continuation" if "continuation" in body else "query"
        page = next(page for page in self.pages if page["request"]["body"].get(name) == body[name])
        return httpx.Response(page["response"]["status"], json=page["response"]["body"])

    def results(self, query):
        """What the two recorded pages of a query list, read here: by id the title, the length as it is shown, and the
        path of the page; and the ids that stand in the list itself, in order."""
        first = next(number for number, page in enumerate(self.pages) if page["request"]["body"].get("query") == query)
        bodies = [page["response"]["body"] for page in self.pages[first : first + 2]]
        told = {}
        for result in _all(bodies, "videoRenderer"):
            title = "".join(run["text"] for run in result["title"]["runs"])
            length = result.get("lengthText", {}).get("simpleText")
            command = result["navigationEndpoint"]["commandMetadata"]["webCommandMetadata"]
            told[result["videoId"]] = title, length, command["url"]
        listed = [item for section in _all(bodies, "itemSectionRenderer") for item in section["contents"]]
        return told, [item["videoRenderer"]["videoId"] for item in listed if "videoRenderer" in item]


def _all(node, name):
    """Everything of a name in JSON, from the outside in."""
    if isinstance(node, dict):
        if name in node:
            yield node[name]
        for inner in node.values():
            yield from _all(inner, name)
    elif isinstance(node, list):
        for inner in node:
            yield from _all(inner, name)


def _seconds(length):
    parts = [int(part) for part in length.split(":")]
    return float(sum(part * 60**power for power, part in enumerate(reversed(parts))))


@pytest.fixture(scope="module")
def recorded():
    if not RECORDINGS.is_dir():
        pytest.skip(f"the recordings are not here: {RECORDINGS}")
    return Recorded(RECORDINGS)


@pytest.mark.parametrize("query", ["#shorts", "test"])
def test_recorded_results_over_two_pages(recorded, query):
    recorded.asked.clear()
    candidates = found(Served(recorded), query, query="{term}", results=40)
    assert len(recorded.asked) == 2
    told, listed = recorded.results(query)
    ids = [candidate.url[-11:] for candidate in candidates]
    assert len(set(ids)) == len(ids) > 30
    assert [id_ for id_ in ids if id_ in listed] == listed[: len(set(ids) & set(listed))]
    for candidate, id_ in zip(candidates, ids, strict=True):
        title, length, path = told[id_]
        assert candidate.id == safe_id("yt", id_)
        assert (candidate.title, candidate.hashtags) == split_hashtags(title)
        assert candidate.seconds == (None if length is None else _seconds(length))
        short = path.startswith("/shorts/")
        assert candidate.url == f"https://www.youtube.com/{'shorts/' if short else 'watch?v='}{id_}"
        assert candidate.uploader
    assert any("/shorts/" in candidate.url for candidate in candidates)


def test_recorded_results_pass_the_screen_where_they_are_short_and_not_live(recorded):
    candidates = found(Served(recorded), "#shorts", query="{term}", results=40)
    told = dict(zip(candidates, rules(candidates), strict=True))
    live = [candidate for candidate in candidates if candidate.seconds is None]
    long = [candidate for candidate in candidates if (candidate.seconds or 0) > 20]
    short = [candidate for candidate in candidates if candidate.seconds is not None and candidate.seconds <= 20]
    assert live and long and short
    assert {told[candidate] for candidate in live} == {"live"}
    assert {told[candidate] for candidate in long} == {"duration"}
    assert any(told[candidate] is None and "/shorts/" in candidate.url for candidate in short)
    assert not {told[candidate] for candidate in short} & {"live", "duration"}


def test_a_recorded_search_without_results_ends(recorded):
    recorded.asked.clear()
    candidates = found(Served(recorded), "UCO6AK", query="{term}", results=1000)
    assert [candidate.url[-11:] for candidate in candidates] == recorded.results("UCO6AK")[1]
    assert len(recorded.asked) <= 2


# Searches, made up


CLIPS = [
    Clip(f"{number:03d}-AbC_xYz", f"A cat jumps {number} times #cat #n{number}", 5 + number % 10)
    for number in range(45)
]


@pytest.fixture
def youtube():
    clips = list(CLIPS)
    clips[3] = Clip("LIVE0000000", "Cats live now", seconds=None, short=False)
    clips[7] = Clip("LONG0000000", "An hour of cats", seconds=3600, short=False)
    clips[9] = Clip("WATCH000000", "A cat sleeps well", seconds=19, short=False)
    return YouTube({"cats #shorts": clips, "one": clips[:1]})


def test_results_are_paged_until_there_are_enough(youtube):
    for results, pages in ((1, 1), (20, 1), (21, 2), (40, 2), (45, 3), (1000, 3)):
        youtube.asked.clear()
        candidates = found(Served(youtube), "cats", results=results)
        clips = youtube.results["cats #shorts"]
        assert [candidate.url for candidate in candidates] == [clip.url for clip in clips[:results]]
        assert youtube.paths() == ["/youtubei/v1/search"] * pages


def test_what_a_result_tells(youtube):
    candidate = found(Served(youtube), "cats")[4]
    assert candidate.id == safe_id("yt", "004-AbC_xYz") != safe_id("yt", "004-abc_xyz")
    assert (candidate.kind, candidate.source) == ("video", "yt")
    assert candidate.url == "https://www.youtube.com/shorts/004-AbC_xYz"
    assert (candidate.title, candidate.hashtags) == ("A cat jumps 4 times", ("cat", "n4"))
    assert (candidate.seconds, candidate.live, candidate.watched) == (9.0, None, 1234)
    assert (candidate.uploader, candidate.uploader_id) == ("Cats and more", CHANNEL)


def test_the_screen_counts_what_is_too_long_or_live(youtube):
    candidates = found(Served(youtube), "cats")
    told = rules(candidates)
    assert (told[3], told[7], told[9]) == ("live", "duration", None)
    assert candidates[3].live is True and candidates[3].seconds is None
    assert told.count(None) == 38 and set(told) == {"live", "duration", None}


def test_a_search_without_results_is_empty(youtube):
    assert found(Served(youtube), "no such thing") == []
    assert youtube.paths() == ["/youtubei/v1/search"]


@pytest.mark.parametrize("term", ["cats", "a: b", "--exec x", "{term}", "ça 猫", "a\nb", "%(id)s", "x" * 500])
def test_the_query_is_made_of_the_term(youtube, term):
    found(Served(youtube), term, query="{term} #shorts {term}")
    assert youtube.asked[0][2]["query"] == f"{term} #shorts {term}"


def test_other_braces_of_the_query_are_its_own(youtube):
    found(Served(youtube), "cats", query="{term} {0} {x}")
    assert youtube.asked[0][2]["query"] == "cats {0} {x}"


def test_what_the_section_refuses():
    for wrong in ({"query": "#shorts"}, {"results": 0}, {"videos_per_hour": 0}, {"max_seconds": 3}):
        with pytest.raises(ValidationError):
            section(**wrong)


@pytest.mark.parametrize(
    ("status", "error_class", "kind"),
    [(429, "RateLimited", TransientError), (503, "Unavailable", TransientError), (403, "Refused", SampleError)],
)
@pytest.mark.parametrize("page", [0, 1])
def test_a_search_that_fails_gives_nothing(youtube, status, error_class, kind, page):
    """Not even the results before: what is found is all or an error."""
    answers = [youtube] * page + [lambda request: httpx.Response(status)] * 9
    with pytest.raises(kind) as caught:
        found(Served(lambda request: answers.pop(0)(request)), "cats")
    assert caught.value.error_class == error_class


@pytest.mark.parametrize("body", [b"", b"<html>consent</html>", b"[]", b'"x"', b"{}", b"\xff\xfe{"])
def test_an_answer_of_another_shape_is_an_error(body):
    with pytest.raises(SampleError):
        found(Served(lambda request: httpx.Response(200, content=body)), "cats")


# Media


@pytest.fixture
def clip(sites, world):
    """A clip whose whole and whose parts apart are served by a site on loopback."""
    good, sound = world.entries["good"], world.entries["sound"]
    media = {name: f"{sites.base_url}/media/{entry.filename}" for name, entry in (("v", good), ("a", sound))}
    size = {name: len(world.bytes(name)) for name in ("good", "sound")}

    def make(*itags, id_="AbCdEf12345", title="A cat jumps #cat", seconds=12, **more):
        known = {
            18: format_(18, media["v"], 'video/mp4; codecs="avc1.42001E, mp4a.40.2"', size["good"], 360, 640),
            137: format_(137, media["v"] + "?1080", 'video/mp4; codecs="avc1.640028"', size["good"], 1080, 1920),
            134: format_(134, media["v"] + "?360", 'video/mp4; codecs="avc1.4d401e"', size["good"], 360, 640),
            251: format_(251, media["a"], 'audio/webm; codecs="opus"', size["sound"], rate=130_000),
        }
        return Clip(id_, title, seconds, formats=tuple(known[itag] for itag in itags), **more)

    return make


@pytest.fixture
def fetch(tmp_path):
    """Fetch a clip of a YouTube that has it alone; `fetch.network` and `fetch.youtube` are what was asked."""

    def run(clip, rule=lambda facts: None, max_bytes=LIMIT, **given):
        run.youtube = run.youtube or YouTube(clips={clip.id: clip})
        run.network = run.network or Served(run.youtube, patience=0.0)
        with run.network.attempt(max_bytes):
            source = open_source(section(**given), Path(), run.network)
            return source.fetch(Order(clip.url, "video", tmp_path, max_bytes, rule=rule))

    run.youtube = run.network = None
    return run


def test_a_clip_is_fetched_with_what_its_page_tells(fetch, clip, world, sites):
    wanted = clip(18, 137, 251, licence="Creative Commons Attribution license (reuse allowed)", keywords=("pets",))
    fetched = fetch(wanted)
    assert fetched.path.read_bytes() == world.bytes("good")
    assert fetched.facts == {
        "title": "A cat jumps",
        "hashtags": ["cat", "pets"],
        "description": "about A cat jumps #cat",
        "seconds": 12.0,
        "licence": "Creative Commons Attribution license (reuse allowed)",
        "uploader": "Cats and more",
        "uploader_id": CHANNEL,
        "language": None,
        "published": "2026-01-31T18:00:00+00:00",
        "live": False,
        "age_limit": 0,
        "comments": None,
        "watched": 1234,
    }
    assert fetch.youtube.paths() == ["/watch", "/youtubei/v1/player"]
    assert len(sites.hits) == 1


def test_pictures_and_sound_served_apart_come_as_one_file(fetch, clip, sites):
    path = fetch(clip(134, 137, 251)).path
    probe = survey(path, MediaLimits()).probe
    assert (probe.video_codec, probe.audio_codec) == ("h264", "opus")
    assert len(sites.hits) == 2


def test_what_the_page_tells_is_asked_of_the_rules_before_the_download(fetch, clip, sites):
    def rule(facts):
        return "licence" if facts["licence"] is None else None

    with pytest.raises(Declined) as caught:
        fetch(clip(18), rule=rule)
    assert caught.value.rule == "licence" and caught.value.facts["seconds"] == 12.0
    assert not sites.hits


def _said(subreason):
    return {"playerErrorMessageRenderer": {"subreason": {"simpleText": subreason}}}


@pytest.mark.parametrize(
    ("status", "reason", "subreason", "error_class"),
    [
        ("ERROR", "This video is unavailable", "", "Removed"),
        ("ERROR", "This video has been removed by the uploader", "", "Removed"),
        ("LOGIN_REQUIRED", "Private video", "Sign in if you've been granted access to this video", "Private"),
        ("LOGIN_REQUIRED", "Sign in to confirm your age", "", "AgeRestricted"),
        ("UNPLAYABLE", "Join this channel to get access to members-only content like this video", "", "MembersOnly"),
        (
            "UNPLAYABLE",
            "Video unavailable",
            "The uploader has not made this video available in your country",
            "GeoBlocked",
        ),
        ("LIVE_STREAM_OFFLINE", "This live event will begin in 3 hours.", "", "Live"),
    ],
)
def test_what_the_player_refuses_has_its_class(fetch, clip, status, reason, subreason, error_class):
    playability = {"status": status, "reason": reason, "errorScreen": _said(subreason)}
    with pytest.raises(SampleError) as caught:
        fetch(clip(18, playability=playability))
    assert caught.value.error_class == error_class, str(caught.value)
    assert not isinstance(caught.value, TransientError)
    assert fetch.network.hosts.state("www.youtube.com").closed_until == 0


@pytest.mark.parametrize(
    ("reason", "error_class"),
    [
        ("Sign in to confirm you\u2019re not a bot", "BotCheck"),
        ("This content isn't available, try again later.", "RateLimited"),
    ],
)
def test_a_site_that_takes_us_for_a_robot_is_left_alone_and_the_clip_stays_pending(fetch, clip, reason, error_class):
    refused = clip(18, playability={"status": "LOGIN_REQUIRED", "reason": reason})
    with pytest.raises(PendingError) as caught:
        fetch(refused)
    assert caught.value.error_class == error_class and caught.value.pending
    asked = len(fetch.youtube.asked)
    for _ in range(2):
        with pytest.raises(PendingError) as closed:
            fetch(refused, videos_per_hour=0.001)
        assert closed.value.error_class == "HostClosed" and "not asked for" in str(closed.value)
    with pytest.raises(PendingError):
        found(fetch.network, "cats")
    assert len(fetch.youtube.asked) == asked


@pytest.mark.parametrize(("status", "error_class"), [(429, "RateLimited"), (503, "Unavailable"), (403, "Refused")])
def test_a_player_that_cannot_be_asked_is_no_fault_of_the_clip(fetch, clip, status, error_class):
    wanted = clip(18)
    fetch.youtube = YouTube(clips={wanted.id: wanted}, overrides={"/youtubei/v1/player": httpx.Response(status)})
    with pytest.raises(TransientError) as caught:
        fetch(wanted)
    assert caught.value.error_class == error_class, str(caught.value)
    if status != 503:
        assert caught.value.pending


def test_media_that_are_refused_though_offered_leave_the_clip_pending(fetch, clip, site):
    site.answers["/clip"] = (403, {}, b"")
    offered = Clip("AbCdEf12345", "A cat", formats=(format_(18, f"{site.url}/clip", "video/mp4", 1000, 360, 640),))
    with pytest.raises(PendingError) as caught:
        fetch(offered)
    assert caught.value.error_class == "Refused"


def test_a_session_that_is_offered_nothing_leaves_the_clip_pending(fetch, clip):
    with pytest.raises(PendingError) as caught:
        fetch(clip())
    assert caught.value.error_class == "Unsupported"


def test_a_clip_in_protected_formats_alone(fetch, clip):
    formats = [{**told, "drmFamilies": ["WIDEVINE"]} for told in clip(18, 137).formats]
    with pytest.raises(SampleError) as caught:
        fetch(Clip("AbCdEf12345", "A cat", formats=tuple(formats)))
    assert caught.value.error_class == "Protected" and not isinstance(caught.value, TransientError)


def test_a_clip_larger_than_allowed(fetch, clip, world, sites):
    with pytest.raises(SampleError) as caught:
        fetch(clip(18, 137), max_bytes=len(world.bytes("good")) - 1)
    assert caught.value.error_class == "TooLarge" and not sites.hits


def test_no_script_of_the_player_is_fetched_or_run(fetch, clip, world):
    """Formats that need one are left; no runtime is looked for, and nothing to run in it is asked for."""
    events, watching = [], [True]

    def watch(event, arguments):
        if watching and event in ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.fork", "os.system"):
            events.append((event, arguments[0]))

    sys.addaudithook(watch)
    wanted = clip(18, 137)
    locked = {**wanted.formats[1], "url": wanted.formats[1]["url"] + "&n=challenge"}
    try:
        fetched = fetch(Clip(wanted.id, wanted.title, formats=(wanted.formats[0], locked)))
    finally:
        watching.clear()
    assert fetched.path.read_bytes() == world.bytes("good")
    assert events == []
    assert fetch.youtube.paths() == ["/watch", "/youtubei/v1/player"]


def test_another_site_is_never_asked(fetch, tmp_path, clip, site):
    site.page("/w/1", f"{site.url}/clip.mp4")
    fetch.network = Served(YouTube())
    with fetch.network.attempt(), pytest.raises(PendingError):
        source = open_source(section(), Path(), fetch.network)
        source.fetch(Order(f"{site.url}/w/1", "video", tmp_path, LIMIT))
    assert not site.asked


# The pace


def test_videos_are_paced_for_the_whole_machine_at_no_cost_to_an_attempt(clip, tmp_path):
    """Two workers, one pace: the second video waits for its turn, and has all of its time left after that."""
    wanted = clip(18)
    turns = []
    for worker in range(2):
        network = Served(YouTube(clips={wanted.id: wanted}), timeout=1.0)
        with network.attempt(LIMIT) as budget:
            source = open_source(section(videos_per_hour=3600 / 1.5), Path(), network)
            folder = tmp_path / str(worker)
            folder.mkdir()
            source.fetch(Order(wanted.url, "video", folder, LIMIT))
            assert budget.left() > 0
        turns.append(network.hosts.state("videos of YouTube").last)
    assert turns[1] - turns[0] >= 1.5


def test_the_pace_tells_how_long_a_build_takes():
    source = open_source(YouTubeConfig(type="youtube", name="yt"), Path())
    ids = [safe_id("yt", f"clip {number}") for number in range(3000)]
    assert source.per_hour == 300
    assert forecast(ids, [source]) == ("yt: 3,000 to fetch at about 300 an hour from one address: 10.0 hours",)
