"""LanguageBind: towers, training on shards, evaluation."""
