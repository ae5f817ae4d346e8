"""Writes a model of many small layers, and what PyTorch answers.

    python layers_model.py layers.pt expected.json

On a GPU each of its operations takes less time than starting it: what is measured is how operations
are started. expected.json is {"requests": rows of 64 numbers, "predictions": rows of 64 numbers}.
"""

import json
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

LAYERS, WIDTH, ROWS = 32, 64, 8


class Layer(nn.Module):
    """Four operations: norm, product, activation, sum."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.linear = nn.Linear(WIDTH, WIDTH)
        self.activation = nn.GELU()

    def forward(self, values: Tensor) -> Tensor:
        return values + self.activation(self.linear(self.norm(values)))


def main(model_file: str, expected_file: str) -> None:
    torch.manual_seed(6)
    model = torch.jit.script(nn.Sequential(*(Layer() for _ in range(LAYERS))).eval())
    rows = torch.randn(ROWS, WIDTH)
    with torch.inference_mode():
        answers = model(rows)
    model.save(model_file)
    expected = {"requests": rows.tolist(), "predictions": answers.tolist()}
    Path(expected_file).write_text(json.dumps(expected), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
