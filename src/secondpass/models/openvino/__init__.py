"""The same ONNX files on OpenVINO."""
