"""What became of the samples: the funnel from candidates to shards."""
