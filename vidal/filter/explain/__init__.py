"""What the rules of a pipeline file would do to the scores of a workspace, before anything is built on it."""
