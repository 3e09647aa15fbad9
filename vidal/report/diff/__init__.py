"""What differs between two builds, or two shard sets: samples, fates, members, texts and scores."""
