"""OFA, a sequence-to-sequence model of pictures and texts, in the idiom of transformers; captioning only.

`config` (sizes), `trunk` (pictures to features), `positions`, `layers`, `encoder`, `decoder` and `model` are the
network; `tokenizer` its words; `stopping` the stop rule of the original's beam search; `captioner` the role. Parameter
names are those of the published checkpoints.
"""
