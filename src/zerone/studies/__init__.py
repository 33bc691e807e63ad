"""Studies of many runs: comparisons and hyperparameter sweeps."""
