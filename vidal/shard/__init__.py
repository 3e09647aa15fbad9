"""Stage 6: write, read, inspect, verify and export WebDataset shards."""
