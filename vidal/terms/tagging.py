"""Parts of speech: the keywords of a text are its nouns and verbs, lemmatised, with multi-word nouns whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Protocol

from vidal.engine.errors import MissingError
from vidal.terms.normalise import words

NLTK_DATA = "taggers/averaged_perceptron_tagger_eng"
LONGEST_NAME = 4
"""Most words of a multi-word noun."""
AUXILIARIES = frozenset(
    ["be", "can", "could", "do", "get", "have", "may", "might", "must", "shall", "should", "will", "would"]
)
"""Verbs that name no action."""
VAGUE = frozenset(
    ["anyone", "anything", "everyone", "everything", "lot", "one", "other", "somebody", "someone", "something", "thing"]
)
"""Words tagged as nouns that name nothing one could search for."""


class Tagger(Protocol):
    """Gives each word of each text its Penn Treebank tag. `name` says which one decided."""

    name: str

    def tag(self, texts: Sequence[Sequence[str]]) -> list[list[str]]: ...


class TextBlobTagger:
    """The lexicon and suffix rules of the Pattern project, inside the textblob package: no data to install."""

    name = "textblob"

    def __init__(self) -> None:
        from textblob.en import parser

        self._parser = parser

    def tag(self, texts: Sequence[Sequence[str]]) -> list[list[str]]:
        return [[tag for _, tag in self._parser.find_tags(list(text))] for text in texts]


class NltkTagger:
    """NLTK's averaged perceptron, the tagger of the paper (section 4.1). Raises MissingError without its data."""

    name = "nltk"

    def __init__(self) -> None:
        from nltk.tag.perceptron import PerceptronTagger

        if not has_nltk_data():
            raise MissingError(
                "terms.tagger: nltk needs its data; run `python -m nltk.downloader averaged_perceptron_tagger_eng` "
                "or set terms.tagger to textblob"
            )
        self._tagger = PerceptronTagger(lang="eng")

    def tag(self, texts: Sequence[Sequence[str]]) -> list[list[str]]:
        return [[tag for _, tag in self._tagger.tag(list(text))] if text else [] for text in texts]


def has_nltk_data() -> bool:
    """Whether the data of NLTK's English tagger are on this machine."""
    import nltk

    try:
        nltk.data.find(NLTK_DATA)
    except LookupError:
        return False
    return True


def resolved(tagger: str) -> str:
    """The tagger that `auto` stands for on this machine."""
    if tagger != "auto":
        return tagger
    return NltkTagger.name if has_nltk_data() else TextBlobTagger.name


def open_tagger(name: str) -> Tagger:
    """A tagger by its resolved name."""
    return NltkTagger() if name == NltkTagger.name else TextBlobTagger()


def keywords(text: Sequence[str], tags: Sequence[str], names: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The distinct keywords of a text in order, from its words and their tags.

    `names` are the multi-word nouns known, lemmatised; where one stands in the text, the longest, it is one keyword.
    """
    lemmas = [lemma(word, tag) for word, tag in zip(text, tags, strict=True)]
    found: dict[str, None] = {}
    position = 0
    while position < len(lemmas):
        width = _name_at(lemmas, position, names) if names else 0
        if width:
            found[" ".join(lemmas[position : position + width])] = None
        elif _tells(lemmas[position], tags[position]):
            found[lemmas[position]] = None
        position += width or 1
    return tuple(found)


def multiword_name(text: Sequence[str], tags: Sequence[str]) -> str | None:
    """A label as a multi-word noun, lemmatised: two to four words, the last a noun, the others nouns or adjectives."""
    if not 2 <= len(text) <= LONGEST_NAME or not tags[-1].startswith("NN"):
        return None
    if not all(tag.startswith(("NN", "JJ")) for tag in tags):
        return None
    return " ".join(lemma(word, tag) for word, tag in zip(text, tags, strict=True))


@lru_cache(maxsize=1 << 18)
def lemma(word: str, tag: str) -> str:
    """The dictionary form of a noun or a verb (LemmInflect's lexicon); other words, and unknown ones, as they are."""
    if tag.startswith("VB"):
        return _looked_up(word, "VERB") or word
    if tag in ("NNS", "NNPS"):
        return _looked_up(word, "NOUN") or _singular(word)
    return word


def _looked_up(word: str, role: str) -> str | None:
    from lemminflect import getLemma

    found: Iterable[str] = getLemma(word, upos=role, lemmatize_oov=False)
    return min(found, key=len, default=None)


def _singular(word: str) -> str:
    """The singular by rule, for a plural no lexicon has; endings of Latin and Greek singulars stay."""
    from textblob.en.inflect import singularize

    return word if word.endswith(("us", "is", "ss", "as", "os")) else singularize(word)


def _tells(lemma: str, tag: str) -> bool:
    if tag.startswith("NN"):
        return lemma not in VAGUE and len(lemma) > 1 and not lemma[0].isdigit()
    return tag.startswith("VB") and lemma not in AUXILIARIES and len(lemma) > 1


def _name_at(lemmas: Sequence[str], position: int, names: frozenset[str]) -> int:
    """How many words the longest known name takes from a position on; 0 where none begins."""
    for width in range(min(LONGEST_NAME, len(lemmas) - position), 1, -1):
        if " ".join(lemmas[position : position + width]) in names:
            return width
    return 0


def tokens(texts: Iterable[str]) -> list[list[str]]:
    """The words of normalised texts."""
    return [words(text) for text in texts]
