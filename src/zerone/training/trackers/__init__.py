"""Trackers: callbacks that send the log of a training to a service or a program which keeps many of them."""
