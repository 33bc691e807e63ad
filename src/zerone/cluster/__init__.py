"""The engine whose workers are processes of Ray."""
