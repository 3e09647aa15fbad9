"""Stage 4: depth and infrared frames, one per keyframe."""
