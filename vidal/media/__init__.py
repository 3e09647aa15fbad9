"""Media: probe, decode, normalise and encode. The only room that touches PyAV, ffmpeg and image codecs."""
