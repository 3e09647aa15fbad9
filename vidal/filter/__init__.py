"""Stage 3: scores of text, pictures and sound, and the rules that turn scores into verdicts."""
