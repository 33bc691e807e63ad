"""One file for each claim: see `zerone.experiments` for how to add one."""
