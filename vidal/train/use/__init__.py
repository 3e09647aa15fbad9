"""What is done with a trained model: embeddings of files, figures, an index of a shard set, the published layout.

`loading` opens models as one embedder (`embedder`); `embed`, `measure`, `index` and `export` are what the commands do.
"""
