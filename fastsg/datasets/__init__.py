"""Texts to try things on."""
