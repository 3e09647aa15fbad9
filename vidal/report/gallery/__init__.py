"""The samples of a shard set to look at: in a report's page, or behind a server."""
