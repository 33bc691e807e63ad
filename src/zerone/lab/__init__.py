"""The live page, `zerone lab`: trainings in a browser, step by step, forwards and backwards.

`server` serves a single address, protected by `access`. `sessions` has the open sessions; each `session` runs in its
own thread. `training` moves through a training, and `moment` and `explained` convert its state to what the page shows.
The page itself, in `page/`, consists of hand-written ES modules: there is no build step, and nothing is loaded from
other hosts.
"""
