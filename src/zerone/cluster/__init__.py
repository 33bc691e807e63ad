"""Training in Ray processes: workers of one algorithm, seeds of one training, or trials of a sweep."""
