"""Any image-text-to-text model of transformers as a captioner of pictures and of clips.

`form` (how pictures, clips and a prompt become a processor's inputs) and `captioner` (batches, answers, loading).
"""
