"""The public face: train, load, evaluate; and the run folder."""
