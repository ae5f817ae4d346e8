"""TorchServe's image_classifier for images of any mode, as Sconce's reads them."""

from torchvision import transforms
from ts.torch_handler.image_classifier import ImageClassifier


class ConvertingClassifier(ImageClassifier):
    image_processing = transforms.Compose(
        [
            transforms.Lambda(lambda image: image.convert("RGB")),
            *ImageClassifier.image_processing.transforms,
        ]
    )
