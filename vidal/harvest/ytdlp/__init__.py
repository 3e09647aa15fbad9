"""yt-dlp as a library: its extractors read pages and name formats, over the harvest's own network."""
