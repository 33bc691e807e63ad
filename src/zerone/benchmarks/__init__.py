"""Speed comparison of Zerone and other libraries on the same work in one run. The command is `zerone bench`."""
