"""What a model is worth: zero-shot classification and retrieval on the benchmarks of the paper, or on data of one's
own.

`benchmark` reads a benchmark's files, `evaluation` measures an embedder on them, `report` tells the figures. No
network is known here but as an `Embedder`.
"""
