"""The live page, `zerone lab`: trainings that are seen step by step, forwards and backwards, in a browser.

`server` answers on one address, behind `access`; `sessions` keeps what is looked at, each a `session` in a thread of
its own; `training` walks along a training; `moment` and `explained` make of a moment what the page shows. The page
itself, in `page/`, is written by hand: ES modules, nothing to build, nothing from another host.
"""
