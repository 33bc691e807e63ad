"""The endings of files that a policy can be written to."""

SUFFIXES = (".onnx", ".npz", ".stablehlo")
