"""The demo world: procedural clips and sounds whose truth is known, and the local sites that serve them."""
