"""Recording of episodes as datasets."""
