"""How the demo checkpoints are made: `python -m vidal.demo.train`."""
