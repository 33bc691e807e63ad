"""Playing and showing episodes: windows, videos, terminals and keyboard control."""
