"""An episode, shown and played: window, video, terminal, keys, a person."""
