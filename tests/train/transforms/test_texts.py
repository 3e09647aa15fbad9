"""Texts as they go to the tower, and the tokenizers of checkpoints."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import vidal
from vidal.engine.errors import ConfigError, SampleError
from vidal.train.transforms.captions import LONGEST, repaired, told
from vidal.train.transforms.tokens import Words

DEMO = Path(vidal.__file__).parent / "demo" / "checkpoints" / "clip"
START, END = 49406, 49407


@pytest.fixture(scope="module")
def clip() -> Words:
    return Words()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Strawberry shortcake #shorts", "Strawberry shortcake"),
        ("How to bake bread #baking #Shorts #bread", "How to bake bread, baking bread"),
        ("FUNNY Video of a shortage | YouTube", "FUNNY of a shortage"),
        ("東京の夜景を歩く #tokyo #夜景", "東京の夜景を歩く, tokyo 夜景"),
        ("#cat", "cat"),
        ("Title only #", "Title only"),
        ("Learn C# in a day #csharp", "Learn C# in a day, csharp"),
        ("It&#39;s &lt;here&gt; #html", "It's <here>, html"),
        ("a < b &amp;amp; c", "a < b & c"),
        ("schÃ¶n cafÃ©", "schön café"),
        ("line\n two\t#a", "line two, a"),
    ],
)
def test_titles_are_cleaned_by_whole_words_in_all_scripts(raw, text):
    assert told("raw", raw) == text


@pytest.mark.parametrize("raw", ["", " \n", "#shorts #viral", "Shorts", "#"])
def test_a_title_of_nothing_is_said_and_with_compat_it_is_a_comma(raw):
    with pytest.raises(SampleError, match="the view raw says nothing") as refusal:
        told("raw", raw)
    assert refusal.value.error_class == "NoText"
    assert told("raw", raw, compat=True) == ", "


def test_compat_deletes_inside_words():
    assert told("raw", "Strawberry shortcake #shorts", compat=True) == "strawberry cake, "


@given(st.text())
def test_captions_are_only_repaired(text):
    try:
        found = told("mplug", text)
    except SampleError as error:
        assert error.error_class == "NoText" and not repaired(text)
    else:
        assert found == repaired(text) == told("mplug", text, compat=True) and found == " ".join(found.split())


def test_only_the_beginning_of_an_endless_text_is_looked_at():
    assert len(told("mplug", "word " * LONGEST)) == LONGEST - 1


def test_ids_are_the_published_ones(clip):
    ids, mask = clip.ids(["a photo of a cat"])
    assert ids.dtype == torch.int64 and ids.shape == mask.shape == (1, 77) and clip.size == 49408
    assert ids[0].tolist() == [START, 320, 1125, 539, 320, 2368, END, *[END] * 70]
    assert mask[0].tolist() == [1] * 7 + [0] * 70


@given(st.lists(st.text(max_size=300), min_size=1, max_size=4))
def test_every_text_begins_and_ends(clip, texts):
    ids, mask = clip.ids(texts)
    assert ids.shape == (len(texts), 77) and ids.min() >= 0 and ids.max() == END
    for row, seen in zip(ids, mask, strict=True):
        count = int(seen.sum())
        assert row[0] == START and (row == END).nonzero()[0] == count - 1 and (row[count:] == END).all()


def test_what_is_too_long_is_cut_and_still_ends():
    ids, mask = Words(length=8).ids(["one two three four five six seven eight nine", "one"])
    assert ids.shape == (2, 8) and ids[0, -1] == END and mask[0].all() and mask[1].sum() == 3


def test_a_title_cannot_end_itself_but_with_compat(clip):
    hostile = "a <|endoftext|> cat"
    assert (clip.ids([hostile])[0][0] == END).nonzero()[0] > 4
    assert (Words(compat=True).ids([hostile])[0][0] == END).nonzero()[0] == 2


def test_the_tokenizer_travels_to_workers(clip):
    assert torch.equal(
        pickle.loads(pickle.dumps(clip)).ids(["two <|endoftext|> words"])[0], clip.ids(["two <|endoftext|> words"])[0]
    )


def test_a_checkpoint_brings_its_own_tokenizer():
    words = Words(DEMO, 32)
    ids, mask = words.ids(["a red ball", "a"])
    end = words.size - 1
    assert ids.shape == (2, 32) and words.size == 507
    assert [int(row.argmax()) for row in ids] == [int(count) - 1 for count in mask.sum(1)]
    assert (ids.max(1).values == end).all() and not (ids == end)[mask == 0].any()


def test_a_folder_without_a_tokenizer_has_clips(tmp_path, clip):
    (tmp_path / "config.json").write_text("{}")
    assert torch.equal(Words(tmp_path).ids(["a cat"])[0], clip.ids(["a cat"])[0])


@pytest.mark.parametrize("form", ["tokenizer.json", "vocab.json"])
def test_the_files_of_a_published_checkpoint_give_the_same_ids(tmp_path, clip, form):
    """Its configuration names a class that is in no library, and code that must not run."""
    clip._tokenizer.save_pretrained(tmp_path)
    stored = json.loads((tmp_path / "tokenizer_config.json").read_text())
    strange = {"tokenizer_class": "LanguageBindVideoTokenizer", "auto_map": {"AutoTokenizer": ["tok.Bomb", None]}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**stored, **strange}))
    (tmp_path / "tok.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    if form == "vocab.json":
        model = json.loads((tmp_path / "tokenizer.json").read_text())["model"]
        (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]))
        merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
        (tmp_path / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]))
        (tmp_path / "tokenizer.json").unlink()
    texts = ["Don't stop: 東京 cafés", "a cat " * 60, ""]
    found, expected = Words(tmp_path).ids(texts), clip.ids(texts)
    assert torch.equal(found[0], expected[0]) and torch.equal(found[1], expected[1])
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.json"])
def test_a_tokenizer_that_cannot_be_read_is_named(tmp_path, name):
    (tmp_path / name).write_text("{")
    with pytest.raises(ConfigError, match=f"{tmp_path} holds a tokenizer that cannot be read"):
        Words(tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"pad_token": None}, "without a token for padding"), ({}, "does not end a text with its greatest id")],
)
def test_a_tokenizer_that_the_tower_cannot_be_read_with_is_refused(tmp_path, changed, message):
    stored = json.loads((DEMO / "tokenizer.json").read_text())
    if not changed:
        stored["post_processor"] = None
    (tmp_path / "tokenizer.json").write_text(json.dumps(stored))
    config = json.loads((DEMO / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**config, **changed}))
    with pytest.raises(ConfigError, match=message):
        Words(tmp_path)
