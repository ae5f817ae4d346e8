"""Makes ResNet-18 for rows of bytes and for rows of float32, and what PyTorch says of some.

    python resnet_rows.py FOLDER

writes into FOLDER, for images of [3, 224, 224] and 1000 classes:

    resnet18_float32.pt   rows are normalised numbers
    resnet18_pixels.pt    the same network; rows are pixels of a byte, which the model normalises
    NAME.json             of each, as image_models.py writes it

It needs PyTorch alone. Images are noise on a colour of their own.
"""

import sys

import torch
from image_models import DEVIATION, MEAN, SIDE, resnet18, spread, write_model
from torch import Tensor, nn

IMAGES = 4


class OfPixels(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None])

    def normalise(self, pixels: Tensor) -> Tensor:
        return (pixels.float() / 255 - self.mean) / self.deviation

    def forward(self, pixels: Tensor) -> Tensor:
        return self.network(self.normalise(pixels))


def main(folder: str) -> None:
    torch.manual_seed(18)
    colours = 192 * torch.rand(IMAGES, 3, 1, 1)
    pixels = (colours + 64 * torch.rand(IMAGES, 3, SIDE, SIDE)).to(torch.uint8)
    of_pixels = OfPixels(resnet18()).eval()
    rows = of_pixels.normalise(pixels)
    spread(of_pixels.network, rows)
    write_model(folder, "resnet18_float32", of_pixels.network, rows)
    write_model(folder, "resnet18_pixels", of_pixels, pixels)


if __name__ == "__main__":
    main(*sys.argv[1:])
