"""Stage 2: search sites by term, screen candidates by their text, download and normalise their media."""
