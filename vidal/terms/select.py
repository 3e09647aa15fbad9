"""From raw labels and captions to a balanced set of terms: pure functions."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
FUNCTION_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "by",
        "for",
        "from",
        "has",
        "have",
        "he",
        "her",
        "his",
        "in",
        "into",
        "is",
        "it",
        "its",
        "of",
        "on",
        "onto",
        "or",
        "she",
        "that",
        "the",
        "their",
        "them",
        "there",
        "they",
        "this",
        "to",
        "up",
        "was",
        "were",
        "which",
        "while",
        "who",
        "with",
    ]
)


@dataclass(frozen=True)
class Term:
    """A search term, how often it stands in which sources, and the words that make it findable."""

    text: str
    kind: str
    sources: tuple[str, ...]
    count: int
    keywords: tuple[str, ...]

    @property
    def id(self) -> str:
        return "t" + hashlib.sha256(self.text.encode()).hexdigest()[:15]


def normalise(text: str) -> str:
    """Unicode NFC, HTML entities resolved, case folded, one space between words, no closing full stop."""
    plain = unicodedata.normalize("NFC", html.unescape(text))
    return " ".join(plain.casefold().split()).rstrip(".")


def keywords(text: str) -> tuple[str, ...]:
    """The distinct words of a term that are not function words, in order."""
    return tuple(dict.fromkeys(word for word in WORD.findall(text) if word not in FUNCTION_WORDS))


def pool(entries: Iterable[tuple[str, str, str]]) -> list[Term]:
    """Terms from (source, kind, raw text), equal texts merged, ordered by text. Captions win over labels."""
    counts: Counter[str] = Counter()
    sources: dict[str, set[str]] = defaultdict(set)
    kinds: dict[str, str] = {}
    for source, kind, raw in entries:
        text = normalise(raw)
        if text:
            counts[text] += 1
            sources[text].add(source)
            kinds[text] = min(kind, kinds.get(text, kind))
    return [Term(t, kinds[t], tuple(sorted(sources[t])), counts[t], keywords(t)) for t in sorted(counts)]


def by_frequency(terms: Sequence[Term], least: int, most: int | None) -> list[Term]:
    """Terms that stand at least `least` and at most `most` times in the sources."""
    return [term for term in terms if term.count >= least and (most is None or term.count <= most)]


def balanced(terms: Sequence[Term], size: int, seed: int) -> list[Term]:
    """`size` terms whose keyword counts are as level as a greedy choice makes them, ordered by text.

    Keywords take turns, rarest first; at its turn a keyword picks the unused term that adds least to keywords
    already common. Ties fall by a seeded hash, so neither input order nor anything else decides.
    """
    if len(terms) <= size:
        return list(terms)
    holders: dict[str, list[Term]] = defaultdict(list)
    for term in sorted(terms, key=lambda term: _draw(term.text, seed)):
        for word in term.keywords or ("",):
            holders[word].append(term)
    turns = sorted(holders, key=lambda word: (len(holders[word]), _draw(word, seed)))
    chosen: dict[str, Term] = {}
    uses: Counter[str] = Counter()
    while len(chosen) < size:
        for word in turns:
            free = [term for term in holders[word] if term.text not in chosen]
            holders[word] = free
            if free and len(chosen) < size:
                term = min(free, key=lambda term: max((uses[word] for word in term.keywords), default=0))
                chosen[term.text] = term
                uses.update(term.keywords)
        turns = [word for word in turns if holders[word]]
    return [chosen[text] for text in sorted(chosen)]


def _draw(text: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{text}".encode()).digest()
