from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vidal.demo.language import (
    caption,
    frame_caption,
    hashtags,
    sound_caption,
    sound_prompts,
    sound_title,
    thing,
    title,
    vocabulary,
    words,
)
from vidal.demo.scene import COLOURS, SHAPES, SOUNDS, scene


@given(index=st.integers(0, 2000))
def test_texts_name_the_object_and_use_the_vocabulary_only(index):
    told = scene(3, index)
    for text in (caption(told), frame_caption(told), title(told)):
        assert thing(told) in text.lower()
        named = set(words(text))
        assert named & set(COLOURS) == {told.colour}
        assert named & set(SHAPES) == {told.shape}
    texts = [caption(told), frame_caption(told), title(told), sound_caption(told), sound_title(told), *hashtags(told)]
    assert set(words(" ".join(texts))) <= set(vocabulary())


def test_a_caption_reads_as_the_grammar_says():
    told = next(s for s in (scene(0, i) for i in range(100)) if s.motion == "bounce" and s.background == "tiles")
    assert caption(told) == f"a {told.size} {told.colour} {told.shape} bouncing on a checkered floor"
    assert frame_caption(told) == f"a {told.size} {told.colour} {told.shape} in the middle on a checkered floor"


def test_sound_prompts_follow_the_classes():
    prompts = sound_prompts()
    assert len(set(prompts)) == len(SOUNDS)
    for told in (scene(0, i) for i in range(30)):
        assert sound_caption(told) == prompts[SOUNDS.index(told.sound)]
        assert told.sound in prompts[SOUNDS.index(told.sound)]


def test_titles_begin_with_a_capital_and_have_two_words():
    for told in (scene(0, i) for i in range(30)):
        for text in (title(told), sound_title(told)):
            assert text[0].isupper() and len(words(text)) >= 2
