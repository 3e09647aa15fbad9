"""A sample as a notebook shows it: one HTML fragment that needs nothing else, and in which no text is markup."""

from __future__ import annotations

import base64
from typing import Any

from vidal.engine.errors import SampleError, VidalError

SHOWN = 4
"""Pictures of each series, from the first on."""

TEMPLATE = """
<div style="font: 13px/1.5 system-ui, sans-serif; max-width: 60em">
<b>{{ sample.key }}</b> · {{ sample.kind }} in {{ sample.shard }}
{% for name, picture in pictures %}
<div><small>{{ name }}</small><br><img alt="{{ name }}" src="data:image/jpeg;base64,{{ picture }}"></div>
{% endfor %}
<table>
{% for name, text in texts %}
<tr><td style="text-align: left; vertical-align: top"><code>{{ name }}</code></td>
<td style="text-align: left">{{ text }}</td></tr>
{% endfor %}
</table>
<small>{% for name, size in sample.sizes.items() %}{{ name }} {{ size }} B{{ " · " if not loop.last }}{% endfor %}
</small>
</div>
"""


def card(sample: Any) -> str:
    """The card of a sample: its first keyframes, depth (the least value darkest) and infrared, the spectrogram of its
    sound, and its texts. What is damaged is said in its place."""
    import jinja2

    pictures, texts = [], []
    for prefix, suffix in (("frm", "jpg"), ("dep", "png"), ("tml", "jpg")):
        names = [name for number in range(SHOWN) if (name := f"{prefix}{number}.{suffix}") in sample]
        if names:
            _show(pictures, texts, f"{names[0]} … {names[-1]}", lambda names=names: _strip(sample, names))
    if "flac" in sample:
        _show(pictures, texts, "flac", lambda: _sound(sample["flac"]))
    for name in sample:
        if name.endswith("txt"):
            try:
                texts.append((name, sample[name].decode("utf-8", "replace")))
            except VidalError as error:
                texts.append((name, str(error)))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(TEMPLATE).render(sample=sample, pictures=pictures, texts=texts)


def _show(pictures: list[tuple[str, str]], texts: list[tuple[str, str]], name: str, draw: Any) -> None:
    try:
        pictures.append((name, base64.b64encode(draw()).decode()))
    except (VidalError, SampleError) as error:
        texts.append((name, str(error)))


def _strip(sample: Any, names: list[str]) -> bytes:
    from vidal.filter.explain.pictures import frames_picture

    return frames_picture([_grey(sample[name]) if name.startswith("dep") else sample[name] for name in names])


def _grey(data: bytes) -> bytes:
    """A depth map as a JPEG whose darkest pixel is the least value and whose lightest the greatest."""
    import numpy as np

    from vidal.media.depth_png import decode_depth
    from vidal.media.images import encode_jpeg

    depth = decode_depth(data).astype(np.float32)
    span = max(float(np.ptp(depth)), 1.0)
    level = ((depth - depth.min()) * (255 / span)).astype(np.uint8)
    return encode_jpeg(np.repeat(level[..., None], 3, axis=2))


def _sound(data: bytes) -> bytes:
    from vidal.filter.explain.pictures import sound_picture

    return sound_picture(data)
