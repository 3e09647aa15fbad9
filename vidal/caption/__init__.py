"""Stage 5: captions of keyframes and clips, and their refinement by a language model."""
