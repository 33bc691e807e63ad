"""One file for each algorithm, and the protocol that they share."""
