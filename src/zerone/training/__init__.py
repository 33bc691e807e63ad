"""Training, resuming, loading: the loop, its schedule, and the folder of a run."""
