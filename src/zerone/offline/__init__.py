"""Datasets: reading and writing them, and learning from them."""
