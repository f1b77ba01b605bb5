"""The grouped step in PyTorch: as users write it, with autograd, and by hand with in-place operations."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray


class TorchSteps:
    """One batch, both ways; each call takes a step of plain SGD and returns the loss."""

    def __init__(
        self,
        I: NDArray,
        O: NDArray,
        centers: NDArray,
        row_ptr: NDArray,
        contexts: NDArray,
        counts: NDArray,
        rate: float,
    ) -> None:
        self.I, self.O = torch.from_numpy(I), torch.from_numpy(O)
        self.centers, self.contexts = torch.from_numpy(centers).long(), torch.from_numpy(contexts).long()
        self.row = torch.from_numpy(np.repeat(np.arange(len(centers)), np.diff(row_ptr)))
        self.counts = torch.from_numpy(counts)
        self.weight = torch.zeros(len(centers)).index_add_(0, self.row, self.counts)[:, None]
        self.flat, self.rate = self.row * len(O) + self.contexts, rate
        self.E = torch.empty(len(centers), len(O))

    def autograd(self) -> float:
        """log_softmax over all words, the loss gathered at the pairs, gradients by autograd."""
        X, O = self.I[self.centers].requires_grad_(), self.O.detach().requires_grad_()
        log_p = torch.log_softmax(X @ O.T, 1)
        loss = -(log_p[self.row, self.contexts] * self.counts).sum()
        loss.backward()
        with torch.no_grad():
            self.I.index_add_(0, self.centers, X.grad, alpha=-self.rate)
            self.O.sub_(O.grad, alpha=self.rate)
        return float(loss.detach())

    @torch.no_grad()
    def in_place(self) -> float:
        """The three products with one buffer of logits."""
        X, E = self.I[self.centers], self.E
        torch.mm(X, self.O.T, out=E)
        target = E.view(-1)[self.flat]
        top = E.max(1, keepdim=True).values
        E.sub_(top).exp_()
        total = E.sum(1, keepdim=True)
        loss = float(
            (self.weight * (top + total.log())).double().sum() - (target.double() * self.counts).sum()
        )
        scale = self.weight / total
        E.view(-1).index_add_(0, self.flat, self.counts / scale.view(-1)[self.row], alpha=-1)
        gX = (E @ self.O).mul_(scale)
        self.O.addmm_(E.T, X * scale, alpha=-self.rate)
        self.I.index_add_(0, self.centers, gX, alpha=-self.rate)
        return loss
