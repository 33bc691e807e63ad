"""What was learned, made visible: curves, progress, and an agent at play in a window, a film or a terminal."""
