"""Shards in the forms of others: the layouts of VIDAL-10M's trainer, tables, and a release of ids and texts."""
