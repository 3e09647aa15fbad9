from __future__ import annotations

import nltk
import pytest
from nltk.tag.perceptron import PerceptronTagger

from vidal.engine.errors import MissingError
from vidal.terms.language import language
from vidal.terms.tagging import (
    NLTK_DATA,
    NltkTagger,
    TextBlobTagger,
    has_nltk_data,
    keywords,
    lemma,
    multiword_name,
    open_tagger,
    resolved,
    tokens,
)

NOWHERE = "no data of NLTK here"


def found(text: str, names: frozenset[str] = frozenset()) -> tuple[str, ...]:
    [words] = tokens([text])
    [tags] = TextBlobTagger().tag([words])
    return keywords(words, tags, names)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two dogs run after a ball on the grass", ("dog", "run", "ball", "grass")),
        ("playing the violin", ("play", "violin")),
        ("someone is folding paper", ("fold", "paper")),
        ("the children were eating apples and apples", ("child", "eat", "apple")),
        ("in the very beautiful", ()),
        ("3.5 x 2", ()),
    ],
)
def test_nouns_and_verbs_are_the_keywords(text, expected):
    assert found(text) == expected


def test_a_known_multiword_noun_stays_whole_where_it_stands():
    names = frozenset({"fire truck", "fire truck driver"})
    assert found("two fire trucks drive through the city", names) == ("fire truck", "drive", "city")
    assert found("a fire truck driver", names) == ("fire truck driver",)
    assert found("a fire near a truck", names) == ("fire", "truck")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("lesser panda", "lesser panda"),
        ("fire trucks", "fire truck"),
        ("panda", None),
        ("playing the violin", None),
        ("one two three four five cats", None),
    ],
)
def test_labels_that_are_multiword_nouns(text, name):
    [words] = tokens([text])
    [tags] = TextBlobTagger().tag([words])
    assert multiword_name(words, tags) == name


@pytest.mark.parametrize(
    ("word", "tag", "expected"),
    [
        ("building", "NN", "building"),
        ("building", "VBG", "build"),
        ("left", "VBD", "leave"),
        ("geese", "NNS", "goose"),
        ("paragliders", "NNS", "paraglider"),
        ("cactus", "NNS", "cactus"),
        ("vlogging", "VBG", "vlogging"),
        ("red", "JJ", "red"),
    ],
)
def test_lemmas_follow_the_part_of_speech(word, tag, expected):
    assert lemma(word, tag) == expected


def test_batches_do_not_depend_on_each_other():
    texts = tokens(["a man runs", "", "dog", "the run was long"])
    tagger = TextBlobTagger()
    assert tagger.tag(texts) == [tagger.tag([text])[0] for text in texts]


@pytest.fixture
def nltk_data(tmp_path, monkeypatch):
    """A folder of NLTK data with a tagger trained here on a few sentences."""
    folder = tmp_path / NLTK_DATA
    folder.mkdir(parents=True)
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    tagger = PerceptronTagger(load=False)
    sentence = [("the", "DT"), ("dog", "NN"), ("runs", "VBZ"), ("over", "IN"), ("grass", "NN")]
    tagger.train([sentence, sentence[:3]] * 20)
    tagger.save_to_json("eng", str(folder))
    return folder


def test_nltks_tagger_is_used_where_its_data_are(nltk_data):
    assert has_nltk_data() and resolved("auto") == "nltk" and resolved("textblob") == "textblob"
    tagger = open_tagger("nltk")
    assert isinstance(tagger, NltkTagger)
    [tags, none] = tagger.tag([["the", "dog", "runs"], []])
    assert tags == ["DT", "NN", "VBZ"] and none == []
    assert keywords(["the", "dog", "runs"], tags) == ("dog", "run")


def test_without_its_data_nltk_is_refused_with_the_fix(monkeypatch):
    monkeypatch.setattr(nltk.data, "path", [NOWHERE])
    assert resolved("auto") == "textblob"
    with pytest.raises(MissingError, match=r"nltk\.downloader averaged_perceptron_tagger_eng"):
        open_tagger("nltk")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a woman is slicing a tomato", "en"),
        ("eine frau schneidet eine tomate in der küche", "de"),
        ("собака бежит по полю", "ru"),
        ("כלב רץ", "he"),
        ("犬が走っている", "ja"),
        ("espresso", None),
        ("lesser panda", None),
        ("\U0001f525 \U0001f525 \U0001f525", None),
    ],
)
def test_languages_are_told_where_there_is_enough_text(text, code):
    assert language(text, least_words=3)[0] == code
