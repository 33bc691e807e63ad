"""The command line. Slow modules are imported only by the commands that need them."""
