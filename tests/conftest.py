"""What all rooms' tests share: no deadlines on a busy machine, and a tiny dataset built from real files."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("vidal", deadline=None, max_examples=60)
settings.load_profile("vidal")
