"""mPLUG-Owl, a language model that is shown pictures or a clip, in the idiom of transformers; captioning only.

`config` (sizes), `vision` and `temporal` (pixels to features), `abstractor` (features to a few vectors), `model` (those
vectors among a LLaMA's words) are the network; `form` reads from a checkpoint's weights what its configuration does not
tell; `pieces` and `words` are the tokenizer, `prompt` what the model is asked, `pictures` how frames become pixels;
`captioner` the roles. Parameter names are those of the published checkpoints.
"""
