"""The file suffixes of figures and videos, in a module that imports nothing."""

FIGURE_SUFFIXES = (".png", ".svg", ".pdf")
FILM_SUFFIXES = (".mp4", ".gif")
