"""What the presets of a clone reach: not a part of the package that is installed."""
