"""The one way the harvest reaches other machines: polite, bounded, to public addresses only."""
