"""The page: a report's numbers as HTML and SVG, and the gallery's client, in one file that needs no other."""
