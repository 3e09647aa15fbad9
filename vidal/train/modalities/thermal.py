"""Infrared: one picture of a clip's keyframes, prepared as any picture."""

from __future__ import annotations

from vidal.train.modalities import Modality, register
from vidal.train.modalities.image import decode, prepare

register(Modality("thermal", ("tml*.jpg", "tml*.png"), decode, prepare=prepare))
