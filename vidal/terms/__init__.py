"""Stage 1: label and caption sources become the search-term database."""
