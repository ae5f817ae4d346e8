"""Trains a small CNN on pictures that animals.py draws, and writes it as TorchScript.

Every picture is drawn from one fixed seed. 400 of them are never trained with.

    pip install torch==2.13.0 pillow numpy
    python make_model.py    write model.pt, the pictures of the requests and expected.json
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from animals import ANIMALS, draw
from PIL import Image
from torch import Tensor, nn

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from torchscript import save  # noqa: E402

SEED = 20
PICTURES = 2000
HELD_OUT = 400
EPOCHS = 8
BATCH = 32

# The same as in model-config.yaml.
RESIZE = 72
CROP = 64
MEAN = 0.5
STD = 0.25
TOP = 3

NAMES = list(ANIMALS)


class AnimalNetwork(nn.Module):
    """Scores of the four animals: colours [n, 3, 64, 64] to [n, 4]."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((3, 12), (12, 24), (24, 48)):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
        layers += [nn.Conv2d(48, 48, 3, padding=1), nn.BatchNorm2d(48), nn.ReLU()]
        layers += [nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(48 * 2 * 2, len(NAMES))]
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.layers(pictures)


def transform(picture: Image.Image) -> Tensor:
    """Resize, CenterCrop, ToTensor and Normalize of torchvision, with Pillow alone: [3, 64, 64]."""
    width, height = picture.size
    short = min(width, height)
    size = (int(RESIZE * width / short), int(RESIZE * height / short))
    resized = picture.convert("RGB").resize(size, Image.Resampling.BILINEAR)
    left, top = round((size[0] - CROP) / 2), round((size[1] - CROP) / 2)
    colours = np.asarray(resized.crop((left, top, left + CROP, top + CROP)), np.float32)
    return torch.from_numpy((colours / 255 - MEAN) / STD).permute(2, 0, 1)


def drawn(count: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Pictures [count, 3, 64, 64] of all animals in turn, and which they are."""
    animals = torch.arange(count) % len(NAMES)
    pictures = [transform(draw(NAMES[animal], random)) for animal in animals.tolist()]
    return torch.stack(pictures), animals


def train(pictures: Tensor, animals: Tensor) -> AnimalNetwork:
    model = AnimalNetwork()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(pictures)).split(BATCH):
            loss = nn.functional.cross_entropy(model(pictures[rows]), animals[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    return model.eval()


def accuracy(model: nn.Module, pictures: Tensor, animals: Tensor) -> float:
    with torch.no_grad():
        return (model(pictures).argmax(1) == animals).double().mean().item()


def answer(model: nn.Module, picture: Image.Image) -> dict[str, float]:
    """The likeliest animals and their probabilities, the likeliest first."""
    with torch.no_grad():
        probabilities = torch.softmax(model(transform(picture).unsqueeze(0)), 1)[0]
    values, animals = probabilities.topk(TOP)
    return {NAMES[animal]: value for animal, value in zip(animals.tolist(), values.tolist())}


def write_expected(random: np.random.Generator) -> None:
    """A new picture of each animal in a file, and what PyTorch says of the file."""
    model = torch.jit.load(HERE / "model.pt")
    draw("kitten", random).save(HERE / "kitten.jpg", quality=85)
    draw("puppy", random).resize((160, 120)).save(HERE / "puppy.png")
    draw("rabbit", random).save(HERE / "rabbit.webp", quality=80)
    # A tall one, in the colours of print.
    draw("bear", random).crop((60, 0, 260, 240)).convert("CMYK").save(HERE / "bear.jpg", quality=85)
    asked = []
    for name in ("kitten.jpg", "puppy.png", "rabbit.webp", "bear.jpg"):
        seen = answer(model, Image.open(HERE / name))
        asked.append({"request": name, "answer": seen})
        if name == "kitten.jpg":
            asked += [{"request": name, "as": form, "answer": seen} for form in ("form", "base64")]
    (HERE / "expected.json").write_text(json.dumps({"tolerance": 1e-3, "answers": asked}) + "\n")


def main() -> None:
    # One thread: the order of the sums, and so the weights, do not depend on the number of cores.
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    random = np.random.default_rng(SEED)
    pictures, animals = drawn(PICTURES, random)
    known, held_out = slice(HELD_OUT, None), slice(HELD_OUT)
    model = train(pictures[known], animals[known])
    print(f"known pictures:    {accuracy(model, pictures[known], animals[known]):.4f}")
    print(f"held-out pictures: {accuracy(model, pictures[held_out], animals[held_out]):.4f}")
    save(model, HERE / "model.pt")
    write_expected(random)


if __name__ == "__main__":
    main()
