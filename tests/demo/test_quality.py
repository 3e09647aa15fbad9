from __future__ import annotations

import pytest

from vidal.demo.flaws import Flawed
from vidal.demo.quality import Line, good_kept, measure, missed, table
from vidal.demo.scene import scene
from vidal.report.outcomes import KEPT, Outcome


def dropped(rule):
    return Outcome("dropped", "filter/verdicts", rule)


def entry(name, flaw="good", rule=None, group=None):
    return Flawed(name, flaw, "video", scene(1, 0), "A title", (), rule, group)


def lines(entries, **fates):
    return {line.flaw: line for line in measure(entries, {one.file: fates[one.name] for one in entries})}


def test_recall_and_precision_are_of_a_rule_and_its_flaw():
    entries = [entry("a"), entry("b"), entry("c", "still", "still"), entry("d", "still", "still")]
    found = lines(entries, a=KEPT, b=dropped("still"), c=dropped("still"), d=dropped("clip_title"))
    assert (found["good"].recall, found["good"].precision, found["good"].others) == (0.5, None, ("1 dropped still",))
    assert (found["still"].recall, found["still"].precision) == (0.5, 0.5)
    assert found["still"].others == ("1 dropped clip_title",)
    assert good_kept(entries, {"a.mp4": KEPT, "b.mp4": dropped("still")}) == 0.5


@pytest.mark.parametrize(
    ("original", "copy", "recall", "precision", "kept"),
    [
        (KEPT, dropped("near"), 1.0, 1.0, 1.0),
        (dropped("near"), KEPT, 1.0, 1.0, 1.0),
        (dropped("near"), dropped("near"), 0.0, 1.0, 0.0),
        (KEPT, KEPT, 0.0, None, 1.0),
        (dropped("dark"), dropped("near"), 0.0, 1.0, 0.0),
    ],
)
def test_of_two_that_show_the_same_one_must_go_whichever(original, copy, recall, precision, kept):
    entries = [entry("a", group="g"), entry("b", "scaled", "near", "g")]
    found = lines(entries, a=original, b=copy)
    assert (found["scaled"].recall, found["scaled"].precision) == (recall, precision)
    assert good_kept(entries, {"a.mp4": original, "b.mp4": copy}) == kept


def test_of_a_copy_in_fewer_pixels_it_is_the_copy_that_must_go():
    entries = [entry("a"), entry("b", "scaled", "near")]
    assert lines(entries, a=KEPT, b=dropped("near"))["scaled"].recall == 1
    wrong = lines(entries, a=dropped("near"), b=KEPT)
    assert (wrong["scaled"].recall, wrong["scaled"].precision, wrong["good"].recall) == (0, 0, 0)


def test_a_line_misses_the_goal_by_its_recall_or_by_its_rule_s_precision():
    def line(rule, found, right, dropped):
        return Line("a", "video", rule, 20, found, right, dropped, ())

    fine, harmless = line("a", 19, 19, 20), line(None, 5, 0, 0)
    bad = [line("a", 18, 20, 20), line("a", 19, 18, 20), line("a", 0, 0, 0)]
    assert missed([fine, *bad, harmless]) == bad


def test_the_table_tells_of_every_line():
    still = Line("still", "video", "still", 12, 11, 11, 12, ("1 kept",))
    told = table([still, Line("mute", "video", None, 4, 4, 0, 0, ())])
    assert [row.split() for row in told[1:]] == [
        ["still", "still", "12", "0.917", "0.917", "1", "kept"],
        ["mute", "(kept)", "4", "1.000"],
    ]
