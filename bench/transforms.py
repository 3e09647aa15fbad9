"""Milliseconds of CPU that the trainer's transforms take for a sample, on one core.

    python bench/transforms.py [--rounds 40]

Noise of the sizes that shards hold: sounds of 10 s, keyframes and depth of 256 x 455 pixels, eight of them for a clip.
Beside sounds stands a bare short-time Fourier transform of the same 10 s, with the same window and hop. Best of the
rounds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from vidal.train.transforms.audio import CODE, PAPER, PUBLISHED
from vidal.train.transforms.depth import DepthTransform
from vidal.train.transforms.filter_banks import FFT, HOP, RATE, WINDOW
from vidal.train.transforms.pictures import PictureTransform
from vidal.train.transforms.tokens import Words
from vidal.train.transforms.video import VideoTransform

SECONDS, ELSEWHERE = 10, 44100
HEIGHT, WIDTH, FRAMES = 256, 455, 8
TITLE = "How to bake sourdough bread at home, baking bread"
BARE = "bare STFT of 10 s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    found = {name: best(work, rounds) for name, work in works(np.random.default_rng(0)).items()}
    print(f"{'transform':<34} {'ms':>8} {'x STFT':>8}")
    for name, seconds in found.items():
        print(f"{name:<34} {seconds * 1000:>8.2f} {seconds / found[BARE]:>8.1f}")


def works(rng: np.random.Generator) -> dict[str, Callable[[], object]]:
    """All that is measured, by what it is called."""
    sound, other = (rng.normal(0, 0.1, (1, SECONDS * rate)).astype(np.float32) for rate in (RATE, ELSEWHERE))
    wave, hann = torch.from_numpy(sound[0]), torch.hann_window(WINDOW)
    frames = rng.integers(0, 256, (FRAMES, HEIGHT, WIDTH, 3), np.uint8)
    depth = rng.integers(0, 10000, (HEIGHT, WIDTH), np.uint16)
    words = Words()
    return {
        BARE: lambda: torch.stft(wave, FFT, HOP, WINDOW, hann, center=False, return_complex=True),
        "sound, 112 x 1036": lambda: PUBLISHED(sound, RATE),
        "sound, 126 x 1036": lambda: CODE(sound, RATE),
        "sound, 128 x 998": lambda: PAPER(sound, RATE),
        "sound at 44.1 kHz, 112 x 1036": lambda: PUBLISHED(other, ELSEWHERE),
        "picture, plain": lambda: PictureTransform()(frames[0]),
        "picture, pillow": lambda: PictureTransform(resize="pillow")(frames[0]),
        "clip of 8 frames": lambda: VideoTransform()(frames),
        "depth": lambda: DepthTransform()(depth),
        "ids of a title": lambda: words.ids([TITLE]),
    }


def best(work: Callable[[], object], rounds: int) -> float:
    """Seconds of CPU."""
    found = []
    for _ in range(rounds + 1):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


if __name__ == "__main__":
    main()
