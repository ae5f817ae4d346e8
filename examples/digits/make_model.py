"""Trains a small CNN on scikit-learn's handwritten digits and writes it as TorchScript.

The 1797 digits were written by 43 people: 8 x 8 pixels from 0 (paper) to 16 (ink). They come with
scikit-learn; nothing is downloaded. 300 of them, chosen by a fixed seed, are never trained with.

    pip install torch==2.13.0 scikit-learn pillow
    python make_model.py    write model.pt, the requests and expected.json
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor, nn

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from torchscript import save  # noqa: E402

SEED = 20
HELD_OUT = 300
EPOCHS = 40
BATCH = 64
INK = 16

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TOP = 3


class DigitNetwork(nn.Module):
    """Scores of the ten digits: pixels [n, 1, 8, 8] from 0 to 16, to [n, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.25),
            nn.Linear(32 * 2 * 2, 10),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        return self.layers(pixels / 16.0 - 0.5)


def train(pixels: Tensor, digits: Tensor) -> DigitNetwork:
    model = DigitNetwork()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(pixels)).split(BATCH):
            loss = nn.functional.cross_entropy(model(pixels[rows]), digits[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    return model.eval()


def accuracy(model: nn.Module, pixels: Tensor, digits: Tensor) -> float:
    with torch.no_grad():
        return (model(pixels).argmax(1) == digits).double().mean().item()


def answer(model: nn.Module, pixels: Tensor) -> dict[str, float]:
    """The likeliest digits and their probabilities, the likeliest first: pixels [1, 8, 8]."""
    with torch.no_grad():
        probabilities = torch.softmax(model(pixels.unsqueeze(0)), 1)[0]
    values, digits = probabilities.topk(TOP)
    return {NAMES[digit]: value for digit, value in zip(digits.tolist(), values.tolist())}


def picture(pixels: Tensor, side: int) -> Image.Image:
    """A grey image of a digit [1, 8, 8], white on black, with pixels larger than before."""
    grey = np.round(pixels[0].numpy() * 255 / INK).astype(np.uint8)
    return Image.fromarray(grey).resize((side, side), Image.Resampling.NEAREST)


def read(path: Path) -> Tensor:
    """What digit_images.ts does: an image file to pixels [1, 8, 8] from 0 to 16."""
    image = Image.open(path).convert("RGB").convert("L").resize((8, 8), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.asarray(image, np.float32) / 255 * INK).unsqueeze(0)


def write_expected(pixels: Tensor) -> None:
    """Requests from digits [n, 1, 8, 8] that the model has not seen, and PyTorch's answers."""
    model = torch.jit.load(HERE / "model.pt")
    rows = [{"pixels": row.to(torch.int64).tolist()} for row in pixels]
    (HERE / "request.json").write_text(json.dumps(rows[0]) + "\n")
    (HERE / "request_rows.json").write_text(json.dumps({"instances": rows}) + "\n")
    picture(pixels[1], 8).save(HERE / "digit.png")
    picture(pixels[2], 96).convert("RGB").save(HERE / "digit.jpg", quality=90)
    asked = [
        {"request": "request.json", "answer": answer(model, pixels[0])},
        {
            "request": "request_rows.json",
            "answer": {"predictions": [answer(model, row) for row in pixels]},
        },
    ]
    for name in ("digit.png", "digit.jpg"):
        seen = answer(model, read(HERE / name))
        asked.append({"model": "digit_images", "request": name, "answer": seen})
    (HERE / "expected.json").write_text(json.dumps({"tolerance": 1e-4, "answers": asked}) + "\n")


def main() -> None:
    # One thread: the order of the sums, and so the weights, do not depend on the number of cores.
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    data = load_digits()
    pixels = torch.tensor(data.images, dtype=torch.float32).unsqueeze(1)
    digits = torch.tensor(data.target)
    order = torch.randperm(len(pixels))
    held_out, known = order[:HELD_OUT], order[HELD_OUT:]
    model = train(pixels[known], digits[known])
    print(f"known digits:    {accuracy(model, pixels[known], digits[known]):.4f}")
    print(f"held-out digits: {accuracy(model, pixels[held_out], digits[held_out]):.4f}")
    save(model, HERE / "model.pt")
    write_expected(pixels[held_out[:8]])
    print(f"requests are {digits[held_out[:8]].tolist()}")


if __name__ == "__main__":
    main()
