"""The gallery of a shard set behind a small server, for the browser of whoever starts it."""
