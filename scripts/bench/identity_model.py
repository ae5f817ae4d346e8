"""Writes a TorchScript model that returns its input, and nothing else.

    python identity_model.py identity.pt
"""

import sys

import torch


class Identity(torch.nn.Module):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values


if __name__ == "__main__":
    torch.jit.script(Identity().eval()).save(sys.argv[1])
