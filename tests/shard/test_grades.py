from __future__ import annotations

import pytest

from vidal.shard.grades import GRADES, grade


@pytest.mark.parametrize(
    ("seconds", "place"),
    [(None, 5), (float("nan"), 5), (0.2, 0), (0.5, 1), (7.4, 1), (7.5, 2), (14, 2), (15, 3), (20.4, 3), (20.5, 4)],
)
def test_grades_are_of_whole_seconds_to_the_nearest(seconds, place):
    assert grade(seconds) == GRADES[place]
