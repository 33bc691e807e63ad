"""Zerone and its peers side by side, on the same work, in one run. The command is `zerone bench`."""
