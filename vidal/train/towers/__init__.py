"""The networks of LanguageBind: one vision tower per modality, one text tower for all.

Named and shaped as the published checkpoints are, so that these load and what is trained here can be loaded elsewhere.
Written from a description of the networks and recorded numbers; every case of those is met.
"""
