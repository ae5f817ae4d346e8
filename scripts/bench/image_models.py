"""Makes the models of the image benchmark, and what PyTorch and Pillow say of its images.

    python image_models.py FOLDER IMAGE...

writes into FOLDER, for an image classifier with 1000 classes and rows of [3, 224, 224]:

    resnet18.pt      ResNet-18 (He et al., 2015), random weights of a fixed seed, scripted
    pooled.pt        average pooling and one layer: an image model that costs next to nothing
    NAME.json        of each model: {"dims", "dtype", "requests": rows, "predictions": scores}, where a
                     row is an image as TorchServe's image_classifier prepares it

It needs PyTorch, numpy and Pillow.
"""

import json
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

SIDE, CLASSES = 224, 1000
# Standard deviation of the scores that random weights give.
SPREAD = 3
MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class Block(nn.Module):
    """Two 3x3 convolutions and the way around them."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        around = [nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)]
        self.around = nn.Identity() if channels == width else nn.Sequential(*around)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.body(x) + self.around(x))


def resnet18() -> nn.Module:
    widths = [64, 64, 128, 256, 512]
    stages = [
        block
        for i, (channels, width) in enumerate(zip(widths, widths[1:]))
        for block in (Block(channels, width, 1 if i == 0 else 2), Block(width, width, 1))
    ]
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
        *stages,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, CLASSES),
    )


def pooled() -> nn.Module:
    return nn.Sequential(nn.AvgPool2d(28), nn.Flatten(), nn.Linear(3 * 8 * 8, CLASSES))


def spread(model: nn.Module, rows: Tensor) -> nn.Module:
    """Lets scores differ, so that probabilities say whether an answer is right."""
    with torch.inference_mode():
        scores = model(rows)
        last = model[-1]
        last.weight.mul_(SPREAD / scores.std())
        last.bias.zero_()
    return model


def prepare(path: str) -> Tensor:
    """Resize(256), CenterCrop(224), ToTensor and Normalize."""
    import numpy as np
    from PIL import Image

    image = Image.open(path).convert("RGB")
    width, height = image.size
    short, target = min(width, height), 256
    size = (target * width // short, target * height // short)
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = (round((length - SIDE) / 2) for length in image.size)
    image = image.crop((left, top, left + SIDE, top + SIDE))
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    return (pixels - mean) / deviation


def write_model(folder: str, name: str, module: nn.Module, rows: Tensor) -> None:
    model = torch.jit.script(module)
    with torch.inference_mode():
        scores = model(rows)
    model.save(f"{folder}/{name}.pt")
    values = {"dims": list(rows.shape[1:]), "dtype": str(rows.dtype).removeprefix("torch.")}
    values |= {"predictions": scores.tolist(), "requests": rows.flatten(1).tolist()}
    Path(folder, f"{name}.json").write_text(json.dumps(values), encoding="utf-8")


def main(folder: str, *images: str) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(18)
    rows = torch.stack([prepare(path) for path in images])
    for name, make in {"resnet18": resnet18, "pooled": pooled}.items():
        write_model(folder, name, spread(make().eval(), rows), rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
