"""Samples that show or sound the same: as bytes, as pictures, as what a model sees and hears; and test sets' samples."""
