"""Samples that are the same, as bytes, as pictures, or as a model sees and hears them, and samples of test sets."""
