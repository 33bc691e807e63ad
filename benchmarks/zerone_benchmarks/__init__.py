"""Measures what the presets reach. Part of the repository, not of the installed package."""
