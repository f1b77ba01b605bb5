"""Losses, gradients, optimisers and starts over plain arrays. Knows no words."""
