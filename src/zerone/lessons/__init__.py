"""The chapters: what each is about, in English and Chinese, and the set-up that is its running example.

They are data (`chapters/`), so that the page, the command line and a site can show the same ones.
"""
