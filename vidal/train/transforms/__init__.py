"""From decoded members to what the towers take: pictures, clips, depth, sounds and texts.

Settings are frozen dataclasses that are called with arrays. What may be drawn (where a clip is cropped, which windows
of a long sound are heard) is drawn from a generator of numpy that is given; without one, which is the form for
evaluation, nothing is drawn and the same input always gives the same tensor. Written from a description of the
published transforms and recorded numbers; every case of those is met.
"""
