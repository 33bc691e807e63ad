"""Figures: curves over seeds, comparisons, responses, tables over grids."""
