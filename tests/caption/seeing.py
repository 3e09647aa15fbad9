"""An endpoint on loopback that sees: it tells the colours of the pictures it is shown, and counts what it was asked."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from tests.caption.endpoint import Answer, Endpoint, completion

COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200), "white": (250, 250, 250)}


class Seeing(Endpoint):
    """Answers with `said`, in which `{colours}` are the pictures' colours in their order, unless told otherwise."""

    said = "A {colours} picture."

    def __init__(self) -> None:
        super().__init__()
        self.last = self.tell

    def tell(self, asked: dict[str, Any]) -> Answer:
        return completion(self.said.replace("{colours}", " and ".join(map(colour_of, shown(asked)))))

    @property
    def texts(self) -> list[str]:
        """The words of each request."""
        return [part["text"] for _, asked in self.requests for part in asked["messages"][0]["content"][-1:]]


def shown(asked: dict[str, Any]) -> list[bytes]:
    """The pictures of a request."""
    parts = [part for part in asked["messages"][0]["content"] if part["type"] == "image_url"]
    heads, contents = zip(*(part["image_url"]["url"].split(",", 1) for part in parts), strict=True)
    assert set(heads) == {"data:image/jpeg;base64"}
    return [base64.b64decode(content, validate=True) for content in contents]


def colour_of(jpeg: bytes) -> str:
    mean = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).mean((0, 1))
    return min(COLOURS, key=lambda name: np.abs(mean - COLOURS[name]).sum())
