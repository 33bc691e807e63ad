"""What all other packages build on: errors, pytrees of settings and states, files, languages and statistics."""
