"""Samples per second of the trainer's loader, by modality and by worker processes, against webdataset itself.

    python bench/loader.py [--samples 96] [--workers 0 1 2] [--rounds 3] [--shards FOLDER]

On shards of the demo world, as a build writes them (short side 256, with their mp4), or on shards of your own. A bare
webdataset pipeline, `decode`, reads the same tars in the same run and decodes the members that the loader reads, with
the same decoders, a tensor a sample; it does nothing else. `loader` are the loader's batches as its workers make them:
shuffled, decoded, texts drawn and made tokens, positions kept. The trainer resamples and normalises them on its device,
`prepared`; beside it stands `prepare`, a webdataset pipeline whose workers do the same transforms and tokens. No model
runs. Best of the rounds, which take turns; with 0 workers, by seconds of CPU,
since there nothing is waited for. Preparing on a CPU takes the cores that workers decode on: the last ratio tells what
a GPU takes over.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import webdataset
from torch.utils.data import DataLoader

from vidal.demo import language
from vidal.demo.clips import write_entry
from vidal.demo.render import render
from vidal.demo.trouble import Entry, catalogue
from vidal.engine.tar import pack
from vidal.media.depth_png import decode_depth, encode_depth
from vidal.media.images import decode_image, encode_jpeg
from vidal.media.normalise import normalise
from vidal.media.sound import decode_audio
from vidal.train.data import Dataset, Loader, text_policy
from vidal.train.data.plan import generator
from vidal.train.modalities import Modality, modalities
from vidal.train.modalities.frames import one_frame
from vidal.train.towers.config import VisionConfig
from vidal.train.transforms.tokens import Words

BATCH = 16
DISTINCT, SHARDS = 24, 4
FRAMES = {"image", "thermal", "depth"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=96, help="samples of the demo world")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shards", type=Path, help="a folder of shards of your own")
    parser.add_argument("--modalities", nargs="+", default=list(modalities()))
    options = parser.parse_args()
    torch.set_num_threads(1)
    words = Words()
    with tempfile.TemporaryDirectory(prefix="vidal-bench-") as made:
        folder = options.shards or demo_shards(Path(made), options.samples)
        size = sum(tar.stat().st_size for tar in folder.glob("*.tar"))
        print(f"{folder if options.shards else 'demo shards'}: {size / 1e6:.0f} MB; samples/s, batches of {BATCH}")
        print(
            f"{'modality':<10}{'workers':>8}{'decode':>9}{'loader':>9}{'/ decode':>10}"
            f"{'prepare':>10}{'prepared':>10}{'/ prepare':>11}"
        )
        for name, workers in itertools.product(options.modalities, options.workers):
            decode, own, prepare, done = measured(folder, modalities()[name], words, workers, options.rounds)
            print(
                f"{name:<10}{workers:>8}{decode:>9.1f}{own:>9.1f}{own / decode:>10.2f}"
                f"{prepare:>10.1f}{done:>10.1f}{done / prepare:>11.2f}",
                flush=True,
            )


def measured(folder: Path, modality: Modality, words: Words, workers: int, rounds: int) -> list[float]:
    """Samples per second of the four, each in its best round."""
    vision = VisionConfig(**modality.tower)
    urls = sorted(map(str, folder.glob("*.tar")))
    begun: list[Callable[[], Iterator[int]]] = [
        lambda: map(len, bare(urls, partial(decoded, modality), list, workers)),
        lambda: (len(batch.keys) for batch in loader(folder, modality, vision, words, workers).raw()),
        lambda: (len(b[0]) for b in bare(urls, partial(prepared, modality, vision), partial(batched, words), workers)),
        lambda: (len(batch.keys) for batch in loader(folder, modality, vision, words, workers)),
    ]
    whole = sum(1 for _ in webdataset.WebDataset(urls, shardshuffle=False)) // BATCH - max(workers, 1)
    best = [0.0] * len(begun)
    for _ in range(rounds):
        for place, begin in enumerate(begun):
            best[place] = max(best[place], rate(begin(), whole, workers))
    return best


def rate(sizes: Iterator[int], batches: int, workers: int) -> float:
    """Samples per second of so many batches after the first, which waits for the workers to start."""
    clock = time.perf_counter if workers else time.process_time
    next(sizes)
    started = clock()
    samples = sum(itertools.islice(sizes, batches))
    return samples / (clock() - started)


def loader(folder: Path, modality: Modality, vision: VisionConfig, words: Words, workers: int) -> Loader:
    return Loader([Dataset(str(folder))], modality, vision, words, text_policy("txt"), BATCH, workers=workers)


def bare(urls: list[str], make: Callable[[dict], Any], together: Callable[[list], Any], workers: int) -> DataLoader:
    """A webdataset pipeline that goes round the shards without end."""
    pipeline = webdataset.WebDataset(urls, shardshuffle=False).repeat().map(make).batched(BATCH, collation_fn=together)
    return DataLoader(pipeline, batch_size=None, num_workers=workers)


def decoded(modality: Modality, sample: dict[str, Any]) -> tuple[torch.Tensor, str]:
    """The members that the loader reads of a sample, decoded."""
    names = modality.series([name for name in sample if not name.startswith("__")])
    if modality.name in FRAMES:
        names = [one_frame(names, None, generator(sample["__key__"]))]
    return torch.from_numpy(np.stack([_decoder(name)(sample[name]) for name in names])), sample["txt"].decode()


def prepared(modality: Modality, vision: VisionConfig, sample: dict[str, Any]) -> tuple[torch.Tensor, str]:
    names = modality.series([name for name in sample if not name.startswith("__")])
    members = {name: sample[name] for name in names}
    return modality.read(members, {}, None, generator(sample["__key__"]), vision), sample["txt"].decode()


def _decoder(name: str) -> Callable[[bytes], Any]:
    if name == "flac":
        return lambda data: decode_audio(data)[0]
    return decode_depth if name.startswith("dep") else decode_image


def batched(words: Words, made: list[tuple[torch.Tensor, str]]) -> tuple[torch.Tensor, ...]:
    return torch.stack([pixels for pixels, _ in made]), *words.ids([text for _, text in made])


def demo_shards(folder: Path, samples: int) -> Path:
    """Shards of clips of the demo world; beyond DISTINCT, clips come again under other keys."""
    clips = demo_clips()
    for shard in range(SHARDS):
        numbers = range(shard, samples, SHARDS)
        entries_of = [(f"clip-{n:06d}.{name}", data) for n in numbers for name, data in clips[n % DISTINCT].items()]
        (folder / f"bench-{shard:06d}.tar").write_bytes(pack(entries_of)[0])
    return folder


def demo_clips() -> list[dict[str, bytes]]:
    """The members of DISTINCT clips of the demo world."""
    entries = [entry for entry in catalogue(0, 4 * DISTINCT) if entry.kind == "video" and entry.trouble is None]
    with ProcessPoolExecutor() as pool:
        return list(pool.map(members, entries[:DISTINCT]))


def members(entry: Entry) -> dict[str, bytes]:
    """A clip's members as a build makes them; depth and infrared are the scene's own truth."""
    with tempfile.TemporaryDirectory() as made:
        path = Path(made, "clip")
        write_entry(entry, path)
        clip = normalise(path, "video")
    found = dict(clip.members)
    for number, instant in enumerate(clip.frame_seconds):
        truth = render(entry.scene, instant, 256)
        heat = np.clip(truth.celsius * 3 + 40, 0, 255).astype(np.uint8)
        found[f"dep{number}.png"] = encode_depth(truth.depth_mm)
        found[f"tml{number}.jpg"] = encode_jpeg(np.repeat(heat[..., None], 3, axis=2))
    found["txt"] = language.caption(entry.scene).encode()
    return dict(sorted(found.items()))


if __name__ == "__main__":
    main()
