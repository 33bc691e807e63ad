"""The kinds of files that can be drawn, known without importing what draws them."""

FIGURE_SUFFIXES = (".png", ".svg", ".pdf")
FILM_SUFFIXES = (".mp4", ".gif")
