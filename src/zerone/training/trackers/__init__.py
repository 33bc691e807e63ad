"""Trackers: callbacks that send the log of a training to a tracking service or program."""
