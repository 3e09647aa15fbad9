"""Where the tables of the stage lie in a workspace."""

SCORES = "filter/scores.parquet"
DUPLICATES = "filter/duplicates.parquet"
VERDICTS = "filter/verdicts.parquet"
