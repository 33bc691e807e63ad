"""Export of trained policies as ONNX, NumPy or StableHLO files."""
