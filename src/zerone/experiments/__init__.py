"""Experiments that test claims: many seeds, a figure, and a verdict by a rule that was fixed in advance.

`zerone experiment` runs the experiments listed in `catalogue`; `protocol` defines what an experiment is.
CONTRIBUTING.md explains how to add one, with `claims/caution.py` as the pattern.
"""
