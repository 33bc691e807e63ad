"""Parts that algorithms are put together from: one equation, one function, one citation."""
