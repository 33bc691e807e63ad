"""Play that is kept as a dataset."""
