from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.errors import ConfigError, MissingError
from vidal.harvest.candidate import storable
from vidal.harvest.config import UploaderConfig
from vidal.harvest.screening.config import DenyConfig, ScreenConfig
from vidal.harvest.screening.rules import HASHTAG_CHARACTERS, HASHTAGS, METADATA, READS, Rules
from vidal.harvest.uploaders import Uploaders
from vidal.resources import locate, read_text
from vidal.text import words

TABLE_10 = Path(__file__).parents[3] / "../shared/reference/languagebind.md"
GERMAN = "Der kleine Hund läuft heute über die große grüne Wiese"
ENGLISH = "The little dog is running over the large green meadow today"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A folder with a list of boilerplate, and one of stop words."""
    folder = tmp_path_factory.mktemp("lists")
    (folder / "boilerplate.txt").write_text("# made up\nshorts\nshort\nvideo\nofficial\nhd\nfyp\n")
    (folder / "stop.txt").write_text("funny\nlove\n")
    return folder


@pytest.fixture(scope="module")
def rules(base):
    """The rules of a section that says nothing but what is given."""
    return lambda **given: Rules(ScreenConfig(**{"boilerplate": "boilerplate.txt", **given}), base)


@pytest.fixture(scope="module")
def screened(rules):
    def run(title, hashtags=(), seconds=None, **given):
        found = rules(**given).screened({"id": "a", "title": title, "hashtags": list(hashtags), "seconds": seconds})
        return found.title, found.hashtags, found.rule

    return run


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (("A red ball",), ("A red ball", (), None)),
        (("Ball",), ("Ball", (), "title_words")),
        (("Ball", ("sport",)), ("Ball", ("sport",), None)),
        (("", ("sport",)), ("", ("sport",), None)),
        (("Ball", ("fyp",)), ("Ball", (), "boilerplate")),
        (("Official Video HD",), ("", (), "boilerplate")),
        (("Official Video HD", ("FYP", "ball")), ("", ("ball",), None)),
        (("A red ball", (), 20.0), ("A red ball", (), None)),
        (("A red ball", (), 20.1), ("A red ball", (), "duration")),
        (("Ball", (), 99.0), ("Ball", (), "duration")),
        (("Two  words\n",), ("Two words", (), None)),
        (("!!! ???",), ("!!! ???", (), "title_words")),
        (("赤い ボール",), ("赤い ボール", (), None)),
        (("猫",), ("猫", (), "title_words")),
        (("Ball", ("#sport", " ", "#", "##a ")), ("Ball", ("sport", "a"), None)),
        ((None,), ("", (), "title_words")),
    ],
)
def test_the_rules_on_texts(screened, given, wanted):
    assert screened(*given) == wanted


def test_hashtags_make_up_for_a_short_title_only_where_the_rules_say_so(screened):
    assert screened("Ball", ("sport",), words_or_hashtags=False)[2] == "title_words"
    assert screened("Ball", (), min_title_words=1)[2] is None
    assert screened("", (), min_title_words=0)[2] is None


@pytest.mark.parametrize(
    ("title", "tags", "either", "both"),
    [
        ("A red ball", ("sport",), None, None),
        ("A red ball", (), None, "hashtags"),
        ("Ball", ("sport",), None, "title_words"),
        ("Ball", (), "title_words", "title_words"),
        ("Official ball", ("sport",), None, "boilerplate"),
        ("A red ball", ("fyp",), None, "boilerplate"),
    ],
)
def test_words_or_hashtags_against_words_and_hashtags(screened, title, tags, either, both):
    assert screened(title, tags)[2] == either
    assert screened(title, tags, words_or_hashtags=False, min_hashtags=1)[2] == both


@pytest.mark.parametrize(
    ("title", "tags", "removed", "rejected"),
    [
        ("A funny red ball", ("love", "ball"), ("A red ball", ("ball",), None), "stop_words"),
        ("A red ball", ("Love",), ("A red ball", (), None), "stop_words"),
        ("Funny ball", (), ("ball", (), "stop_words"), "stop_words"),
        ("A red ball", (), ("A red ball", (), None), None),
        ("funnyish lovely ball", (), ("funnyish lovely ball", (), None), None),
        ("video love story", (), ("story", (), "stop_words"), "stop_words"),
    ],
)
def test_stop_words_go_or_reject(screened, title, tags, removed, rejected):
    assert screened(title, tags, stop_words="stop.txt") == removed
    kept_title, kept_tags, rule = screened(title, tags, stop_words="stop.txt", stop_word_action="reject")
    assert rule == rejected
    assert (kept_title, kept_tags) == screened(title, tags)[:2]


WANTED = {"id": "site_a", "source": "site", "url": "https://site.example/a", "title": ENGLISH, "hashtags": ["dog"]}
ALL = {
    "deny": DenyConfig(entries=("site_x", "uploader:Somebody")),
    "licences": ("CC-BY",),
    "languages": ("en",),
    "unknown_licence": "pass",
}
ONE_BY_ONE = [
    ("deny", {"id": "site_x"}),
    ("deny", {"uploader": "somebody"}),
    ("live", {"live": True}),
    ("age_restricted", {"age_limit": 18}),
    ("age_restricted", {"age_limit": 21}),
    ("licence", {"licence": "CC BY-SA 4.0"}),
    ("duration", {"seconds": 20.5}),
    ("language", {"language": "de"}),
    ("language", {"title": GERMAN}),
    ("rank_keep", {"unranked": "keep"}),
    ("rank_similarity", {"unranked": "similarity"}),
    ("title_words", {"title": "Dog", "hashtags": []}),
    ("boilerplate", {"title": "official video", "hashtags": []}),
]


@pytest.mark.parametrize(("rule", "told"), ONE_BY_ONE)
def test_every_rule_alone(rules, rule, told):
    made = rules(**ALL)
    assert made.screened(WANTED).rule is None
    assert made.screened({**WANTED, **told}).rule == rule
    on_metadata = rule in ("deny", "live", "age_restricted", "licence", "duration", "language")
    assert made.failed({**WANTED, **told}) == (rule if on_metadata else None)


def test_the_first_rule_in_order_is_the_one_that_rejects(rules):
    made = rules(**ALL)
    broken = {}
    for rule, told in reversed(ONE_BY_ONE):
        broken = {**broken, **told}
        assert made.screened({**WANTED, **broken}).rule == rule


@pytest.mark.parametrize(
    ("told", "given"),
    [
        ({"live": True}, {"live": True}),
        ({"age_limit": 18}, {"age_restricted": True}),
        ({"age_limit": 16}, {}),
        ({"live": False, "age_limit": 0}, {}),
        ({"seconds": 30.0}, {"max_seconds": 30.0}),
        ({"licence": "All rights reserved"}, {"licences": ()}),
        ({"licence": "https://creativecommons.org/licenses/by/3.0/"}, {}),
        ({"language": "en-GB"}, {}),
        ({"language": "EN_us"}, {}),
        ({"language": "und"}, {}),
        ({"language": "iw", "title": "כלב"}, {"languages": ("he",)}),
        ({"title": GERMAN}, {"languages": ("en", "de")}),
    ],
)
def test_what_the_rules_let_pass(rules, told, given):
    made = rules(**{**ALL, **given})
    assert made.screened({**WANTED, **told}).rule is None and made.failed({**WANTED, **told}) is None


@pytest.mark.parametrize(
    ("switch", "before", "at_last"),
    [("pass", None, None), ("ask", None, "licence"), ("reject", "licence", "licence")],
)
@pytest.mark.parametrize("stated", [None, "", "Unknown", " "])
def test_an_unknown_licence(rules, switch, before, at_last, stated):
    made = rules(licences=("CC-BY", "CC0"), unknown_licence=switch)
    assert made.screened({**WANTED, "licence": stated}).rule == before
    assert made.failed({**WANTED, "licence": stated}) == at_last
    assert made.screened({**WANTED, "licence": "Attribution"}).rule is None
    assert made.failed({**WANTED, "licence": "GFDL"}) == "licence"
    assert rules(unknown_licence=switch).screened({**WANTED, "licence": stated}).rule is None


@pytest.mark.parametrize(
    ("switch", "before", "at_last"),
    [("pass", None, None), ("ask", None, "language"), ("reject", "language", "language")],
)
def test_an_unknown_language(rules, switch, before, at_last):
    made = rules(languages=("en",), unknown_language=switch)
    for title in ("Bobo Dada", "12 34", "!!", "xqzt wvbk"):
        unknown = {**WANTED, "title": title, "hashtags": ["x"]}
        assert made.screened(unknown).rule == before
        assert made.failed(unknown) == at_last
    assert made.screened({**WANTED, "title": "Bobo Dada", "language": "en"}).rule is None
    assert made.failed({**WANTED, "title": "Bobo Dada", "language": "fr"}) == "language"


@pytest.mark.parametrize("code", ["english", "e", "und", "", "e1", "en-"])
def test_a_language_is_a_code(rules, code):
    if code == "en-":
        assert rules(languages=(code,)).screened(WANTED).rule is None
        return
    with pytest.raises(ConfigError, match=r"harvest\.screen\.languages.*ISO 639-1"):
        rules(languages=("en", code))


@pytest.mark.parametrize("stated", ["", "none", "Unknown", "n/a"])
def test_a_licence_of_the_list_is_one(rules, stated):
    """A list of nothing but such would otherwise take every licence there is."""
    with pytest.raises(ConfigError, match=r"harvest\.screen\.licences"):
        rules(licences=(stated,))


def test_who_is_not_kept_cannot_be_denied(base):
    def made(keep, entry):
        return Rules(ScreenConfig(deny=DenyConfig(entries=(entry,))), base, Uploaders(UploaderConfig(keep=keep)))

    for entry in ("uploader:a", "@a", "https://www.youtube.com/channel/UCa"):
        with pytest.raises(ConfigError, match=r"harvest\.screen\.deny") as caught:
            made("nothing", entry)
        assert entry in str(caught.value) and "harvest.uploaders" in str(caught.value)
        made("names", entry), made("hashes", entry)
    made("nothing", "https://www.youtube.com/shorts/abc")


def test_hashed_uploaders_are_denied_by_name(base, monkeypatch):
    monkeypatch.setenv("VIDAL_UPLOADER_KEY", "a secret")
    policy = Uploaders(UploaderConfig(keep="hashes"))
    made = Rules(ScreenConfig(deny=DenyConfig(entries=("uploader:@Somebody",))), base, policy)
    stored = policy.kept({**WANTED, "uploader": "Some Body", "uploader_id": "@somebody"})
    assert "omebody" not in str(stored) and made.screened(stored).rule == made.failed(stored) == "deny"
    assert made.failed(policy.kept({**WANTED, "uploader_id": "@somebodyelse"})) is None
    assert made.failed({**WANTED, "uploader": "SomeBody"}) == "deny"


HOSTILE = {
    "endless": "word " * 2000,
    "one word": "x" * 10_000,
    "marks": "e" + "\u0301" * 10_000,
    "controls": "\x00\x1b[31m\x7f" * 2000 + "A red ball",
    "controls before": "\x00" * 30 + "A red ball",
    "bidi": "\u202eA red\u2066 ball\u2069\u200f",
    "surrogates": "A red \ud800 ball\udfff",
    "private": "A red \ue000ball\U0010ffff",
    "spaces": "\u2003\u3000A\u2028red\u2029ball\u00a0" * 100,
    "emoji": "👩\u200d👩\u200d👧 A red ball \ufe0f",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_cleaned_and_bounded(screened, name):
    title, tags, rule = screened(HOSTILE[name], [HOSTILE[name], "ball"], stop_words="stop.txt")
    assert len(title) <= 500 and all(len(tag) <= HASHTAG_CHARACTERS for tag in tags) and "ball" in tags and rule is None
    assert title == words.printable(title) and storable(title) == title
    assert screened(title, tags, stop_words="stop.txt") == (title, tags, None)
    if name in ("controls before", "bidi", "surrogates", "private"):
        assert title == "A red ball"


def test_hashtags_are_bounded(screened):
    tags = screened("A red ball", [f"tag{number}" for number in range(10_000)])[1]
    assert tags == tuple(f"tag{number}" for number in range(HASHTAGS))
    assert screened("A red ball", ["x" * HASHTAG_CHARACTERS, "y" * (HASHTAG_CHARACTERS + 1)])[1] == (
        "x" * HASHTAG_CHARACTERS,
    )


TEXTS = st.text() | st.text("a b\x00\t\u200e\u202e\u061c\u0301\u200d\ue000\n\x1b-", max_size=12)


@given(TEXTS | st.lists(st.sampled_from(["hd", "cat", "(video)", "-", "|", "short", "dog's", "funny"])).map(" ".join))
def test_screening_what_was_screened_changes_nothing(screened, title):
    for more in ({}, {"stop_words": "stop.txt"}):
        clean, tags, rule = screened(title, ("one",), **more)
        assert screened(clean, tags, **more) == (clean, tags, None) and rule is None
        assert len(clean) <= 500


ON_TEXTS = ("title_words", "hashtags", "boilerplate", "stop_words")
SEVERAL = st.fixed_dictionaries(
    {"title": TEXTS},
    optional={
        "hashtags": st.lists(TEXTS),
        "seconds": st.none() | st.floats(allow_nan=True),
        "live": st.none() | st.booleans(),
        "age_limit": st.none() | st.integers(-1, 99),
        "licence": st.none() | TEXTS,
        "language": st.none() | TEXTS,
        "uploader": st.none() | TEXTS,
        "url": st.none() | TEXTS,
        "unranked": st.none() | st.sampled_from(["keep", "rating"]),
    },
)


@given(SEVERAL)
def test_any_candidate_has_a_verdict_and_loosening_admits_no_less(rules, told):
    strict, loose = rules(**ALL), rules(live=True, age_restricted=True, max_seconds=1e9, min_title_words=0)
    verdict, looser = strict.screened({"id": "a", **told}), loose.screened({"id": "a", **told})
    assert verdict == strict.screened({"id": "a", **told})
    assert verdict.rule or not looser.rule
    last = strict.failed({"id": "a", **told})
    assert last in (None, verdict.rule) and (last or verdict.rule in (None, *ON_TEXTS, "rank_keep", "rank_rating"))


class TestCompat:
    def test_texts_are_cleaned_as_the_published_trainer_does(self, screened):
        found = screened("Strawberry Shortcake VIDEO", ("Shorts", "Cake's"), compat="languagebind")
        assert found == ("strawberry cake", ("cakes",), None)

    def test_titles_in_other_scripts_are_emptied_and_rejected(self, screened):
        assert screened("赤い ボール", (), compat="languagebind") == ("", (), "boilerplate")

    def test_the_raw_text_counts_where_it_came_along(self, rules):
        told = {"id": "a", "title": "Other words", "hashtags": [], "views": {"raw": "A CAT #dog's #viral"}}
        found = rules(compat="languagebind").screened(told)
        assert (found.title, found.hashtags, found.rule) == ("a cat", ("dogs",), None)
        assert rules(compat="languagebind").screened({**told, "views": {"raw": None}}).title == "other words"
        assert rules().screened(told).title == "Other words"

    def test_the_list_of_boilerplate_says_nothing_then(self, base):
        made = Rules(ScreenConfig(compat="languagebind", boilerplate="absent.txt"), base)
        assert made.boilerplate == frozenset()


class TestSettings:
    def test_lists_count_by_their_words_not_by_file_or_order(self, tmp_path):
        (tmp_path / "one.txt").write_text("# list\nb\na\n")
        (tmp_path / "two.txt").write_text("\ufeffa\r\n\nB\n")
        (tmp_path / "three.txt").write_text("a\n")

        def made(**given):
            return Rules(ScreenConfig(**{"boilerplate": "one.txt", **given}), tmp_path)

        assert made().boilerplate == frozenset("ab") == made(boilerplate="two.txt").boilerplate
        assert made().settings() == made(boilerplate="two.txt").settings() != made(boilerplate="three.txt").settings()
        assert made().settings() != made(stop_words="one.txt").settings() != made(stop_words="three.txt").settings()
        assert made(deny=DenyConfig(files=("two.txt",))).denied == ["B", "a"]
        files = made(deny=DenyConfig(files=("one.txt",)))
        assert files.settings() == made(deny=DenyConfig(entries=("b", "a"))).settings() != made().settings()

    def test_metadata_settings_are_those_of_the_rules_on_metadata(self, rules):
        before = rules().metadata_settings()
        assert tuple(before) == METADATA
        for told in ({"min_title_words": 5}, {"stop_words": "stop.txt"}, {"compat": "languagebind"}):
            assert rules(**told).metadata_settings() == before and rules(**told).settings() != rules().settings()
        for told in (
            {"live": True},
            {"age_restricted": True},
            {"max_seconds": 5.0},
            {"licences": ("CC0",)},
            {"unknown_licence": "ask"},
            {"languages": ("en",)},
            {"unknown_language": "ask"},
            {"deny": DenyConfig(entries=("x",))},
        ):
            assert rules(**told).metadata_settings() != before

    def test_every_column_that_is_read_decides_something(self, rules):
        told = {
            "source": "x", "url": "https://youtu.be/abc", "title": "", "hashtags": [], "seconds": 99.0,
            "licence": "GFDL", "uploader": "Somebody", "uploader_id": "Somebody", "language": "de", "live": True,
            "age_limit": 18, "unranked": "keep",
        }  # fmt: skip
        assert set(told) == set(READS)
        entries = ("https://www.youtube.com/watch?v=abc", "uploader:somebody", "1")
        made = rules(**{**ALL, "deny": DenyConfig(entries=entries)})
        plain = {**WANTED, "id": "x_1", "title": "Bobo dada", "hashtags": [], "source": "site"}
        assert made.screened(plain).rule is None
        assert [name for name in READS if made.screened({**plain, name: told[name]}).rule is None] == ["hashtags"]
        assert made.screened({**plain, "title": "Dog", "hashtags": ["dog"]}).rule is None


class TestBadLists:
    @pytest.mark.parametrize(
        ("key", "given"),
        [
            ("boilerplate", {"boilerplate": "{file}"}),
            ("stop_words", {"stop_words": "{file}"}),
            ("deny.files", {"deny": {"files": ("{file}",)}}),
        ],
    )
    @pytest.mark.parametrize(
        ("content", "error"),
        [(None, MissingError), (b"\xff\xfe", ConfigError), ("folder", ConfigError), (b"two words", None)],
    )
    def test_one_message_names_key_and_file(self, tmp_path, key, given, content, error):
        (tmp_path / "boilerplate.txt").write_text("a\n")
        path = tmp_path / "bad.txt"
        if content == "folder":
            path.mkdir()
        elif content is not None:
            path.write_bytes(content)
        filled = {name: {"files": ("bad.txt",)} if name == "deny" else "bad.txt" for name in given}
        config = ScreenConfig.model_validate({"boilerplate": "boilerplate.txt", **filled})
        if error is None and key == "deny.files":
            assert Rules(config, tmp_path).denied == ["two words"]
            return
        with pytest.raises(error or ConfigError) as caught:
            Rules(config, tmp_path)
        message = str(caught.value)
        assert f"harvest.screen.{key}" in message and "bad.txt" in message and "\n" not in message


class TestShippedLists:
    def test_the_list_that_comes_with_vidal_leaves_short_things_alone(self):
        shipped = Rules(ScreenConfig(), Path()).boilerplate
        for title in ("Strawberry shortcake", "a short film about dogs", "shorthair cat", "in short supply"):
            assert words.without(title, shipped) == title
        assert words.without("funny cat shorts viral fyp", shipped) == "funny cat"
        assert {"youtube", "fyp", "shorts"} <= shipped

    @pytest.mark.parametrize("name", ["boilerplate", "stop-words"])
    def test_the_lists_hold_each_word_once_in_order_as_it_is_folded(self, name):
        text = read_text(locate(f"vidal:manifests/{name}.txt", Path()))
        listed = [line for line in text.splitlines() if not line.startswith("#")]
        assert listed == sorted(set(listed)) and [words.fold(word) for word in listed] == listed

    def test_the_stop_words_are_the_printed_ones(self):
        if not TABLE_10.is_file():
            pytest.skip("the notes on the paper are not beside the checkout")
        printed = re.search(r"Table 10 stop words as printed[^\n]*\n(.*?)…", TABLE_10.read_text(), re.DOTALL)
        shipped = Rules(ScreenConfig(stop_words="vidal:manifests/stop-words.txt"), Path()).stop_words
        assert shipped == {*printed[1].split(), "nf"}
