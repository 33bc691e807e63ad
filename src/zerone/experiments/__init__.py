"""Claims put to the test: many seeds, a figure, and a verdict by a rule that was fixed before.

`zerone experiment` runs what is listed in `catalogue`; `protocol` says what an experiment is. How to add one is in
CONTRIBUTING.md; `claims/caution.py` is the pattern.
"""
