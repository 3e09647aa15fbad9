"""A sample as a notebook shows it: one HTML fragment that needs nothing else, and in which no text is markup."""

from __future__ import annotations

import base64
from typing import Any

from vidal.engine.errors import SampleError, VidalError

TEMPLATE = """
<div style="font: 13px/1.5 system-ui, sans-serif; max-width: 60em">
<b>{{ sample.key }}</b> · {{ sample.kind }} in {{ sample.shard }}
{% for name, picture in pictures %}
<div><small>{{ name }}</small><br>
<img alt="{{ name }}" style="max-width: 100%" src="data:image/jpeg;base64,{{ picture }}"></div>
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
    """The card of a sample: its layers, as `vidal.shard.pictures` draws them, and its texts. What is damaged is said in
    its place."""
    import jinja2

    from vidal.shard.pictures import LAYERS, layer_members

    pictures, texts = [], []
    for layer in LAYERS:
        if names := layer_members(layer, sample):
            try:
                pictures.append((layer, base64.b64encode(_drawn(sample, layer, names)).decode()))
            except (VidalError, SampleError) as error:
                texts.append((layer, str(error)))
    for name in sample:
        if name.endswith("txt"):
            try:
                texts.append((name, sample[name].decode("utf-8", "replace")))
            except VidalError as error:
                texts.append((name, str(error)))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(TEMPLATE).render(sample=sample, pictures=pictures, texts=texts)


def _drawn(sample: Any, layer: str, names: list[str]) -> bytes:
    from vidal.shard.pictures import is_inverse, strip

    inverse = layer == "depth" and is_inverse(sample.record)
    return strip(layer, list(sample.read(names).values()), inverse)[0]
