from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.errors import VidalError
from vidal.engine.step import Sample
from vidal.filter.config import TextConfig
from vidal.filter.text import Phrases, TextScore, emoji_share, scores

LISTED = frozenset({"shorts", "official", "video", "fypシ"})
UNSAFE = Phrases(["porn", "Sex Tape", "色情", "エロ", "порно"])


def of(title, *hashtags):
    return scores(title, hashtags, LISTED, UNSAFE)


def test_words_and_tags_are_counted_without_boilerplate():
    found = of("Official video: a red ball bounces", "shorts", "#ball", "fypシ")
    assert (found["words"], found["tags"]) == (4, 1)
    assert found["boilerplate_share"] == pytest.approx(4 / 9)
    assert of("A red ball", "ball")["boilerplate_share"] == 0
    assert of("official VIDEO", "Shorts") | {"repetition": 0.0} == {**of("official video"), "boilerplate_share": 1.0}


def test_without_words_there_is_no_share_of_them():
    for title in ("", None, "🔥🔥", "...", " \u202e "):
        found = of(title)
        assert (found["words"], found["boilerplate_share"], found["repetition"]) == (0, None, None)
        assert found["language"] is found["language_share"] is None
    assert of("", "ball")["boilerplate_share"] == 0 and scores(None, None, LISTED, UNSAFE)["tags"] == 0


@pytest.mark.parametrize(
    ("title", "code", "words"),
    [
        ("A red ball bounces on the green grass", "en", 8),
        ("Ein roter Ball springt über die Wiese", "de", 7),
        ("كرة حمراء تقفز على العشب الأخضر", "ar", 6),
        ("一只红色的球在绿色的草地上弹跳", "zh", 8),
        ("Красный мяч прыгает по траве", "ru", 5),
    ],
)
def test_titles_of_all_scripts_have_words_and_a_language(title, code, words):
    found = of(title)
    assert (found["language"], found["words"]) == (code, words) and found["language_share"] > 0.7


def test_two_words_tell_no_language():
    assert of("red ball")["language"] is None


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("", 0), ("abc", 0), ("🔥", 1), ("🔥 a b c", 0.25), ("👨‍👩‍👧🇩🇪", 1), ("👍🏽a", 0.5), ("1️⃣23", 1 / 3),
        ("123 #*", 0), ("© ™ ®", 0), ("©️", 1), ("❤", 1), ("❤\ufe0e", 0), ("猫", 0), ("e\u0301", 0), ("\u200b", 0),
    ],
)  # fmt: skip
def test_emoji_are_visible_characters_of_their_own(text, share):
    assert emoji_share(text) == pytest.approx(share)


def test_repetition_is_the_share_of_words_that_stood_before():
    assert of("buy buy buy now")["repetition"] == 0.5
    assert of("Buy BUY")["repetition"] == 0.5 and of("buy now")["repetition"] == 0
    assert of("一只红色的球在绿色的草地上弹跳")["repetition"] < 0.1
    assert of("好看好看好看")["repetition"] == pytest.approx(3 / 5)
    assert of("球 球")["repetition"] == 0.5 and of("球")["repetition"] == 0


def test_what_lies_beyond_five_hundred_characters_is_not_looked_at():
    found = of("word " * 100 + "porn official 🔥")
    assert (found["words"], found["unsafe_words"], found["boilerplate_share"]) == (100, 0, 0)
    assert (found["emoji_share"], found["repetition"]) == (0, 0.99)
    assert of("word " * 98 + "porn")["unsafe_words"] == 1


def test_boilerplate_of_several_scripts_counts_in_titles_as_in_hashtags():
    assert of("fypシ red ball")["boilerplate_share"] == pytest.approx(2 / 4)
    assert of("red ball", "fypシ")["boilerplate_share"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("title", "hashtags", "count"),
    [
        ("a porn film", (), 1), ("PORN porn Ｐｏｒｎ", (), 1), ("popcorn, pornography", (), 0),
        ("a sex tape and porn", (), 2), ("sex. tape", (), 1), ("sextape", (), 0),
        ("tape sex", (), 0), ("ball", ("Porn",), 1), ("看色情片", (), 1),
        ("порно", (), 1), ("エロ動画", ("色情",), 2), ("", (), 0),
        ("ball", ("SexTape",), 1), ("sex tape", ("sextape",), 1), ("ball", ("sextapes",), 0),
        ("porn-free", (), 0), ("a", ("sex", "tape"), 0),
    ],
)  # fmt: skip
def test_unsafe_entries_are_whole_words_or_runs_of_unspaced_scripts(title, hashtags, count):
    assert of(title, *hashtags)["unsafe_words"] == count


@given(st.text(max_size=700), st.lists(st.text(max_size=20), max_size=4))
def test_any_text_has_its_facts(title, hashtags):
    found = scores(title, hashtags, LISTED, UNSAFE)
    assert found.keys() == TextScore.columns.keys()
    assert 0 <= found["emoji_share"] <= 1 and found["unsafe_words"] >= 0
    assert all(found[name] is None or 0 <= found[name] <= 1 for name in ("boilerplate_share", "repetition"))


def test_the_lists_are_data_and_the_step_knows_them_by_content(tmp_path):
    (tmp_path / "mine.txt").write_text("# mine\nboring\n", encoding="utf-8")
    (tmp_path / "same.txt").write_text("boring\n\n")
    shipped = TextScore(TextConfig(), tmp_path)
    mine, same = (TextScore(TextConfig(unsafe_words=name), tmp_path) for name in ("mine.txt", "same.txt"))
    assert mine.settings() == same.settings() != shipped.settings()
    for step, count in ((mine, 1), (shipped, 0)):
        step.setup()
        (result,) = step.process([Sample("a", "video", {"title": "boring", "hashtags": None})])
        assert result.columns["unsafe_words"] == count


@pytest.mark.parametrize("key", ["boilerplate", "unsafe_words"])
def test_a_list_that_is_not_there_is_named(tmp_path, key):
    with pytest.raises(VidalError, match=rf"filter\.text\.{key}: gone\.txt: not found"):
        TextScore(TextConfig(**{key: "gone.txt"}), tmp_path)


HARMLESS = (
    "A cock crows at dawn", "Donkey and ass on a farm", "Blue tits and a great tit at the feeder", "Pussy willow",
    "Horny toad aka horned lizard", "Nude lipstick tutorial", "Phone torture test", "Suicide Squad", "Al Gore speaks",
    "Drone over rape fields in bloom", "Super Bowl XXX highlights", "White power bank unboxing", "Bukkake udon recipe",
    "Topless Jeep ride", "Same-sex marriage ruling", "Scunthorpe and Sussex", "Dick Whittington", "Cocktail popcorn",
    "Rwanda genocide documentary", "Gore-Tex jacket", "Hoe and rake for the garden", "Weed and grass cutter",
)  # fmt: skip


def test_the_list_that_comes_with_vidal_leaves_harmless_titles_alone():
    step = TextScore(TextConfig(), Path())
    step.setup()
    found = [result.columns["unsafe_words"] for result in step.process(samples(HARMLESS))]
    assert dict(zip(HARMLESS, found, strict=True)) == dict.fromkeys(HARMLESS, 0)
    unsafe = samples(["hot NSFW porn", "leaked nudes", "how to self-harm", "Naked Girls xxx video"])
    assert [result.columns["unsafe_words"] for result in step.process(unsafe)] == [2, 1, 1, 2]


def test_no_company_changes_a_score(scored):
    def batch():
        return samples(
            ["A red ball on the grass", "", "كرة حمراء تقفز على العشب", "🔥🔥", "buy buy nsfw", "红色的球 " * 99]
        )

    step = TextScore(TextConfig(), Path())
    step.setup()
    together = scored(step, batch())
    assert len({str(columns) for columns in together.values()}) == 6
    assert scored(step, batch()[::-1]) == together
    assert {one.id: scored(step, [one])[one.id] for one in batch()} == together


def samples(titles):
    return [Sample(str(number), "video", {"title": title, "hashtags": []}) for number, title in enumerate(titles)]
