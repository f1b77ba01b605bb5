"""Losses, gradients, optimisers and starting matrices, over plain arrays.

    objective      loss, gradient and probabilities of the exact softmax
    optimizer      plain descent and row-wise Adagrad; learning rates
    newton         the curvature of damped Newton steps
    initializers   the uniform start of I, and I and O from the spectrum of counts
    fold_in        the rest of I, and O, where rows of I are known
    views          the vectors that I and O make: sums, centered, whitened

The kernels (fastsg/_core) do the work; here is what they are told and what is kept between batches. Nothing
here knows words, texts, epochs or files: a caller hands in ids and matrices, and gets numbers.
"""

from .initializers import spectral_start, uniform_start
from .newton import Curvature
from .objective import loss_and_gradient
from .optimizer import SCHEDULES, Optimizer

__all__ = ["SCHEDULES", "Curvature", "Optimizer", "loss_and_gradient", "spectral_start", "uniform_start"]
