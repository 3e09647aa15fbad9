"""How well each tagger finds the keywords of a small hand-checked set, and how fast.

python bench/tagging.py

The set stands in bench/tagging.tsv: a text, then its nouns and verbs in dictionary form. NLTK's tagger takes part where
its data are installed.
"""

from __future__ import annotations

import time
from pathlib import Path

from vidal.terms.normalise import normalise
from vidal.terms.tagging import Tagger, has_nltk_data, keywords, open_tagger, tokens

GOLD = Path(__file__).with_name("tagging.tsv")
REPEATS = 200


def main() -> None:
    """Print precision, recall and speed of every tagger there is."""
    rows = [line.split("\t") for line in GOLD.read_text(encoding="utf-8").splitlines() if line]
    texts, expected = [normalise(text) for text, _ in rows], [set(words.split(", ")) for _, words in rows]
    print(f"{len(texts)} texts, {sum(map(len, expected))} keywords\n")
    print(f"{'tagger':<10}{'precision':>11}{'recall':>9}{'all right':>11}{'us each':>9}")
    for name in ("textblob", "nltk"):
        if name == "nltk" and not has_nltk_data():
            print(f"{name:<10} its data are not installed: python -m nltk.downloader averaged_perceptron_tagger_eng")
            continue
        print(row(open_tagger(name), texts, expected))


def row(tagger: Tagger, texts: list[str], expected: list[set[str]]) -> str:
    """One line of the table."""
    spelled = tokens(texts)
    found = [set(keywords(words, tags)) for words, tags in zip(spelled, tagger.tag(spelled), strict=True)]
    right = sum(len(one & other) for one, other in zip(found, expected, strict=True))
    whole = sum(one == other for one, other in zip(found, expected, strict=True))
    started = time.perf_counter()
    for _ in range(REPEATS):
        tagger.tag(spelled)
    each = (time.perf_counter() - started) / REPEATS / len(texts) * 1e6
    precision, recall = right / sum(map(len, found)), right / sum(map(len, expected))
    return f"{tagger.name:<10}{precision:11.3f}{recall:9.3f}{whole:7} of {len(texts)}{each:9.1f}"


if __name__ == "__main__":
    main()
