"""What a person looks at: plots, windows, text, video."""
