"""Writes models of one architecture with weights of their own, and what they answer.

    python many_models.py model.pt expected.json FOLDER NAME...

Each becomes FOLDER/NAME.pt. FOLDER/answers.json has the answer of each to the first request:
{"NAME": [...], ...}.
"""

import json
import sys
from pathlib import Path

import torch

LARGEST_CHANGE = 0.05


def main(model: str, expected: str, folder: str, *names: str) -> None:
    requests = json.loads(Path(expected).read_text(encoding="utf-8"))["requests"]
    row = torch.tensor(requests[:1])
    answers = {}
    for seed, name in enumerate(names):
        module = torch.jit.load(model).eval()
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in module.parameters():
                noise = torch.rand(parameter.shape, generator=generator)
                parameter.mul_(1 + LARGEST_CHANGE * noise)
            answers[name] = module(row)[0].tolist()
        module.save(Path(folder, f"{name}.pt"))
    Path(folder, "answers.json").write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
