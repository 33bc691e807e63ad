"""The command line. Nothing slow is imported before it is known that the command needs it."""
