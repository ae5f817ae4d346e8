"""Makes the models of the cases about handlers.

    python make_models.py

needs PyTorch only. It writes, beside this file:

    file            forward                                     what it is for
    --------------  ------------------------------------------  ----------------------------------
    residual.pt     images [n,3,h,w] -> scores [n,12]           torchvision's ResNet, small: takes
                                                                images of any size
    few.pt          the same, scores [n,3]                      fewer classes than are answered
    segmenter.pt    images -> {out: [n,4,h/32,w/32], aux}       as torchvision's segmentation models
    detector.pt     images -> [{boxes, labels, scores}, ...]    as torchvision's detection models
                                                                outside TorchScript
    source_vocab.pt                                             texts/bag/vocab.json as TorchServe
                                                                reads it
"""

import json
from collections import Counter
from pathlib import Path
from typing import Dict, List

import torch
from torch import Tensor, nn

FOLDER = Path(__file__).parent
VOCABULARY = FOLDER / "../../fixtures/texts/bag/vocab.json"


class BasicBlock(nn.Module):
    def __init__(self, width: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = nn.Sequential(
            nn.Conv2d(width, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class Trunk(nn.Module):
    """From images to features, 32 times smaller."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layers = nn.Sequential(*(BasicBlock(8, 8, stride) for stride in (1, 2, 2, 2)))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(self.maxpool(torch.relu(self.bn1(self.conv1(x)))))


class Residual(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.trunk = Trunk()
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.flatten(self.avgpool(self.trunk(x)), 1))


class Segmenter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk()
        self.classifier = nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        return {"out": self.classifier(self.trunk(x)), "aux": x.mean(dim=[2, 3])}


class Detector(nn.Module):
    """Three things in each image, of which two are sure."""

    def forward(self, images: Tensor) -> List[Dict[str, Tensor]]:
        found: List[Dict[str, Tensor]] = []
        for image in images:
            colour = image.mean(dim=[1, 2])
            height, width = image.size(1), image.size(2)
            corners = torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.5, 0.25, float(width), float(height)]])
            boxes = torch.cat([corners, torch.cat([colour, colour[:1]]).unsqueeze(0)])
            scores = torch.tensor([0.9, 0.25, 0.5]) + colour[0] / 100
            found.append({"boxes": boxes, "labels": torch.tensor([2, 1, 1]), "scores": scores})
        return found


def lively(model: nn.Module) -> nn.Module:
    """With weights that make the scores of different images differ."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.2, 0.6)
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.4)
    return model.eval()


def main() -> None:
    torch.manual_seed(7)
    models = {
        "residual": lively(Residual(12)),
        "few": lively(Residual(3)),
        "segmenter": lively(Segmenter()),
        "detector": Detector().eval(),
    }
    for name, model in models.items():
        torch.jit.script(model).save(str(FOLDER / f"{name}.pt"))
    # Unknown tokens are 0, as with torchtext's vocabulary, whose class may not be installed.
    vocabulary = Counter(json.loads(VOCABULARY.read_text(encoding="utf-8")))
    torch.save(vocabulary, FOLDER / "source_vocab.pt")


if __name__ == "__main__":
    main()
