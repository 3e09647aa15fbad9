"""What a tower is trained and evaluated with: shards, read as batches."""

from vidal.train.data.batches import Batch
from vidal.train.data.datasets import Dataset
from vidal.train.data.loader import Loader
from vidal.train.data.position import joined
from vidal.train.data.texts import TextPolicy, text_policy

__all__ = ["Batch", "Dataset", "Loader", "TextPolicy", "joined", "text_policy"]
