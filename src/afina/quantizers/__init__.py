"""Quantizers: a smaller ONNX file from a larger one. Each has `quantize(source, target)`."""
