"""The version, readable without the compiled parts."""

__version__ = "0.1.0"
