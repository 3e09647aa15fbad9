"""Rules on what a site says of a clip or a sound, applied before a byte of its media is fetched."""
