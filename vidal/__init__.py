"""Language-aligned multimodal datasets: from search terms to verified WebDataset shards."""

__version__ = "0.1.0"
