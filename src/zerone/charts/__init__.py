"""Figures: learning curves over seeds, comparisons of runs, sweeps, and Q tables over grids."""
