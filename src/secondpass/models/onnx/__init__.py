"""Models in ONNX form on ONNX Runtime."""
