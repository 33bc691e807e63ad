"""The ways of driving an algorithm: compiled and host."""
