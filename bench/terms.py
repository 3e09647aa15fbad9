"""Time and peak memory of the search-term database over synthetic captions, against a plain loop of the same functions.

python bench/terms.py [--millions 0.3 1 3 10] [--loop 100000]

The captions are made of real label vocabularies, words drawn by Zipf's law. The loop normalises, tells the language,
tags and finds keywords one caption after the other in one process, on as many captions as stated.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from vidal.engine.nodes import Context
from vidal.engine.runners.local import LocalRunner
from vidal.engine.workspace import Workspace
from vidal.terms.config import TermsConfig, TermSource
from vidal.terms.corpora import files_of, format_of
from vidal.terms.language import language
from vidal.terms.normalise import entries, normalise, refusal
from vidal.terms.read import Slice, texts
from vidal.terms.table import REPORT, Terms
from vidal.terms.tagging import TextBlobTagger, keywords, tokens

NAMES = TermSource(
    name="names", kind="labels", path="package:timm/data/_info/imagenet_synset_to_lemma.txt", format="tsv", field="1",
    separator=",",
)  # fmt: skip
DEEDS = TermSource(name="deeds", kind="labels", path="vidal:manifests/terms/kinetics-400.txt")
EXPONENT = 1.1
"""Of Zipf's law, about that of English words."""
LIMIT = 100_000


def main() -> None:
    """Build the database at every size, and time the loop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millions", type=float, nargs="+", default=[0.3, 1, 3, 10])
    parser.add_argument("--loop", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    print(f"{options.workers} workers, {LIMIT:,} terms chosen where there are as many\n")
    headings = f"{'captions':>12}{'distinct':>12}{'seconds':>10}{'us each':>9}{'peak MB':>9}"
    print(f"{headings}{'entropy before, after':>24}{'cap':>7}")
    with tempfile.TemporaryDirectory(prefix="vidal-bench-") as made:
        for millions in options.millions:
            folder = Path(made, f"{millions}")
            folder.mkdir()
            count = write_captions(folder / "captions.txt", int(millions * 1e6))
            print(row(folder, count, options.workers), flush=True)
        spent = loop(folder / "captions.txt", options.loop)
    print(f"\nplain loop: {spent / options.loop * 1e6:.1f} us each on the first {options.loop:,} captions, one process")


def write_captions(path: Path, count: int) -> int:
    """Captions such as `A sand cat is riding a bike near the tea table.`"""
    rng = np.random.default_rng(0)
    names, deeds = vocabulary(NAMES, rng), vocabulary(DEEDS, rng)
    with path.open("w", encoding="utf-8") as stream:
        for start in range(0, count, 100_000):
            size = min(100_000, count - start)
            first, second = (zipf(rng, len(names), size) for _ in range(2))
            done = zipf(rng, len(deeds), size)
            stream.writelines(
                f"A {names[a]} is {deeds[d]} near the {names[b]}.\n"
                for a, d, b in zip(first, done, second, strict=True)
            )
    return count


def vocabulary(corpus: TermSource, rng: np.random.Generator) -> list[str]:
    """The entries of a label vocabulary, shuffled."""
    [source] = files_of(corpus, Path())
    part = Slice(source, format_of(corpus, source), corpus.field)
    found = [name for raw in texts(part) for name in entries(raw, corpus.separator)]
    return [found[place] for place in rng.permutation(len(found))]


def zipf(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    """`size` numbers below `count`, the n-th with a probability proportional to n ** -EXPONENT."""
    shares = 1.0 / np.arange(1, count + 1) ** EXPONENT
    return rng.choice(count, size, p=shares / shares.sum())


def row(folder: Path, count: int, workers: int) -> str:
    """Build the database of the captions in a folder, and say what it took."""
    source = {"name": "captions", "kind": "captions", "path": "captions.txt"}
    workspace, runner = Workspace(str(folder / "w")), LocalRunner(workers)
    with Memory() as memory:
        started = time.perf_counter()
        terms = Terms(TermsConfig(sources=[source], limit=LIMIT, tagger="textblob"), folder, seed=0)
        terms.run(Context(workspace, {}, runner))
        seconds = time.perf_counter() - started
    runner.close()
    report = workspace.read_json(REPORT)
    before, after = (report["keywords"][side]["entropy"] for side in ("before", "after"))
    return (
        f"{count:12,}{report['distinct']:12,}{seconds:10.1f}{seconds / count * 1e6:9.1f}{memory.peak / 1e6:9.0f}"
        f"{f'{before:.2f}, {after:.2f}':>24}{report['cap']:7}"
    )


def loop(path: Path, count: int) -> float:
    """Seconds of the same functions, caption by caption."""
    config, tagger = TermsConfig(), TextBlobTagger()
    tagger.tag([["warm"]])
    started = time.perf_counter()
    with path.open(encoding="utf-8") as lines:
        for _, line in zip(range(count), lines, strict=False):
            text = normalise(line)
            if refusal(text, config.max_characters, config.min_words, config.max_words):
                continue
            language(text, config.language_words)
            [words] = tokens([text])
            [tags] = tagger.tag([words])
            keywords(words, tags)
    return time.perf_counter() - started


class Memory:
    """The greatest sum of the resident memory of this process and its children, in bytes, looked at ten times a second.

    Pages that processes share are counted once for each.
    """

    peak = 0

    def __enter__(self) -> Memory:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self.peak = max(self.peak, sum(map(resident, (os.getpid(), *children(os.getpid())))))


def children(parent: int) -> list[int]:
    """The processes below a process, Linux only."""
    found = []
    for task in Path(f"/proc/{parent}/task").iterdir():
        try:
            own = [int(word) for word in (task / "children").read_text().split()]
        except OSError:
            continue
        found += own + [below for child in own for below in children(child)]
    return found


def resident(process: int) -> int:
    """Resident bytes of a process; none once it is gone."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


if __name__ == "__main__":
    main()
