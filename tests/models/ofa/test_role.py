"""The role finds an OFA by what its configuration calls it."""

from __future__ import annotations

from vidal import models
from vidal.models.ofa.captioner import load
from vidal.models.place import place


def test_the_role_loads_what_is_published(tiny, pictures):
    found = models.load("captioner", str(tiny), device="cpu").caption_images(pictures[:3])
    assert found == load(tiny, place("cpu")).caption_images(pictures[:3])
    assert models.check("captioner", str(tiny)).ok
