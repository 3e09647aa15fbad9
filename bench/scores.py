"""How fast the scores by models are in batches drawn across clips, against one clip per call, and how well they tell.

python bench/scores.py [--clips 64] [--scenes 300]

Clips of the demo world 77, which no demo checkpoint was trained on: 8 keyframes of short side 256 and their sound, by
the demo checkpoints. Wrong titles are those of a scene that differs in all that is seen, or in its sound.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from vidal.demo import language
from vidal.demo.render import render
from vidal.demo.scene import Scene, scene
from vidal.demo.sound import waveform
from vidal.engine.step import Sample, Step
from vidal.filter.clap import ClapScore, heard
from vidal.filter.clip import ClipScore
from vidal.filter.config import ClipConfig, ModelConfig
from vidal.media.images import decode_image, encode_jpeg
from vidal.media.sound import encode_flac

SEED, KEYFRAMES, SIDE, RATE = 77, 8, 256, 16000
SEEN = ("shape", "colour", "size", "motion", "background")


def main() -> None:
    """Print the table of speeds and the table of scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--scenes", type=int, default=300)
    asked = parser.parse_args()
    clip, clap = ClipScore(ClipConfig(checkpoint="demo:clip")), ClapScore(ModelConfig(checkpoint="demo:clap"))
    clip.setup()
    clap.setup()
    truths = [scene(SEED, number) for number in range(max(asked.clips, asked.scenes))]
    shown, sounding = [pictures(truth) for truth in truths], [sound(truth) for truth in truths]

    print(f"{'score':12}{'one per call':>14}{'batches of 16':>15}{'ratio':>7}{'decode':>9}{'prepare':>9}{'process':>9}")
    for step, samples, decode in (
        (clip, shown, lambda one: [decode_image(content) for content in one.members.values()]),
        (clap, sounding, heard),
    ):
        print(speeds(step, samples[: asked.clips], decode))
    print("clips per CPU second of `process`; then the share of a clip's CPU seconds in batches that goes into each\n")

    truths, shown, sounding = truths[: asked.scenes], shown[: asked.scenes], sounding[: asked.scenes]
    print(f"{'score':15}{'of':34}{'1 %':>8}{'5 %':>8}{'50 %':>8}{'95 %':>8}{'99 %':>8}")
    for name, what, values in [*seen(clip, truths, shown), *listened(clap, truths, sounding)]:
        print(f"{name:15}{what:34}" + "".join(f"{value:8.3f}" for value in np.percentile(values, (1, 5, 50, 95, 99))))


def pictures(truth: Scene) -> Sample:
    """The clip's keyframes under its own title, found by its own term."""
    instants = np.linspace(0.0, truth.seconds - 1 / truth.fps, KEYFRAMES)
    members = {f"frm{n}.jpg": encode_jpeg(render(truth, float(t), SIDE).rgb) for n, t in enumerate(instants)}
    return Sample(str(truth.index), "video", texts(language.title(truth), named(truth)), members)


def sound(truth: Scene) -> Sample:
    """The clip's sound under its own title, found by its own term."""
    members = {"flac": encode_flac(waveform(truth, RATE), RATE)}
    return Sample(str(truth.index), "audio", texts(language.sound_title(truth), truth.sound), members)


def texts(title: str, term: str) -> dict[str, object]:
    """The columns a score reads."""
    return {"title": title, "hashtags": [], "terms": [term]}


def speeds(step: Step, samples: Sequence[Sample], decode: Callable[[Sample], object]) -> str:
    """One line of the table: the two ways take turns, batch by batch, so that other load weighs on both alike."""
    spent = dict.fromkeys(("decode", "prepare", "alone", "together"), 0.0)

    def clock(name: str, work: Callable[[], object]) -> None:
        started = time.process_time()
        work()
        spent[name] += time.process_time() - started

    for batch in batched(replace(sample) for sample in samples):
        clock("decode", lambda batch=batch: [decode(sample) for sample in batch])
        clock("prepare", lambda batch=batch: [step.prepare(sample) for sample in batch])
        clock("alone", lambda batch=batch: [step.process([sample]) for sample in batch])
        clock("together", lambda batch=batch: step.process(batch))
    alone, together = (len(samples) / spent[name] for name in ("alone", "together"))
    whole = spent["prepare"] + spent["together"]
    shares = (spent["decode"], spent["prepare"] - spent["decode"], spent["together"])
    return f"{step.name:12}{alone:14.1f}{together:15.1f}{together / alone:7.2f}" + "".join(
        f"{share / whole:9.2f}" for share in shares
    )


Scores = list[tuple[str, str, list[float]]]
"""Name of the score, what it is of, its values."""


def seen(clip: ClipScore, truths: Sequence[Scene], samples: Sequence[Sample]) -> Scores:
    """The scores of clips under right and wrong texts, moving and still."""
    told = {
        "its own": truths,
        "unlike in all that is seen": others(truths, lambda a, b: all(getattr(a, k) != getattr(b, k) for k in SEEN)),
        "of any other clip": others(truths, lambda a, b: language.title(a) != language.title(b)),
    }
    columns = {
        what: run(clip, map(retold, samples, map(language.title, told[what]), map(named, told[what]))) for what in told
    }
    found = [
        (name, f"{'title' if 'title' in name else 'term'} {what}", [one[name] for one in columns[what]])
        for name in ("clip_title", "clip_title_max", "clip_term", "clip_term_max")
        for what in told
    ]
    still = [replace(one, members=dict.fromkeys(one.members, one.members["frm0.jpg"])) for one in samples]
    for what, shown in (("moving clips", columns["its own"]), ("still clips", run(clip, still))):
        found.append(("clip_frames", what, [one["clip_frames"] for one in shown]))
    return found


def listened(clap: ClapScore, truths: Sequence[Scene], samples: Sequence[Sample]) -> Scores:
    """The scores of sounds under right and wrong texts."""
    wrong = others(truths, lambda a, b: a.sound != b.sound)
    titles = {
        "title its own": [language.sound_title(truth) for truth in truths],
        "title of another sound": [language.sound_title(truth) for truth in wrong],
        "title of what is seen alone": [language.title(truth) for truth in truths],
    }
    terms = {
        "term its own": [truth.sound for truth in truths],
        "term of another sound": [truth.sound for truth in wrong],
    }
    heard_as = {what: run(clap, map(retold, samples, told, told)) for what, told in (titles | terms).items()}
    return [
        (name, what, [one[name] for one in heard_as[what]])
        for name, texts in (("clap_title", titles), ("clap_term", terms))
        for what in texts
    ]


def others(truths: Sequence[Scene], differ: Callable[[Scene, Scene], bool]) -> list[Scene]:
    """For each scene the next one, going round, that differs from it."""
    rounds = ((one, (*truths[place + 1 :], *truths[:place])) for place, one in enumerate(truths))
    return [next(other for other in after if differ(other, one)) for one, after in rounds]


def named(truth: Scene) -> str:
    """A term that finds the scene."""
    return f"{truth.colour} {truth.shape}"


def retold(sample: Sample, title: str, term: str) -> Sample:
    """The same pictures and sound under other texts."""
    return replace(sample, columns=texts(title, term))


def run(step: Step, samples: Iterable[Sample]) -> list[dict[str, float]]:
    """The columns of all samples, in their order."""
    found: list[dict[str, float]] = []
    for batch in batched(samples):
        for sample in batch:
            step.prepare(sample)
        columns = {result.id: result.columns for result in step.process(batch)}
        found += [columns[sample.id] for sample in batch]
    return found


def batched(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    """Lists of at most 16, as the steps take them."""
    samples = iter(samples)
    while batch := list(islice(samples, 16)):
        yield batch


if __name__ == "__main__":
    main()
