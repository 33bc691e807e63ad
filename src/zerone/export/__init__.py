"""A trained policy leaves: as ONNX, as plain NumPy, or as StableHLO."""
