"""The chapters of the tutorial in English and Chinese, each with a running example.

They are data files (`chapters/`), so that the web page, the command line and the documentation show the same ones.
"""
