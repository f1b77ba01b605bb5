"""File formats, one module each: bytes on one side, words and arrays on the other. No trainer classes, no pickle."""
