"""What a step is, and what runs it: pipeline file, workspace, parts and commits, runners, failures, progress."""
