"""What words and hashtags are, and how titles are cleaned: for the stages and for training alike."""
