"""The file suffixes of exported policies."""

SUFFIXES = (".onnx", ".npz", ".stablehlo")
