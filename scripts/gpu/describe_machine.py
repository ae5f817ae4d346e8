"""What torch says of itself and of the GPUs that it sees: one JSON object of texts."""

import importlib.metadata
import json

import torch


def version_of(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def describe():
    facts = {
        "torch": torch.__version__,
        "torchvision": version_of("torchvision"),
        "CUDA that torch is built for": torch.version.cuda or "none",
    }
    if not torch.cuda.is_available():
        return facts
    facts["cuDNN"] = str(torch.backends.cudnn.version())
    for index in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(index)
        facts[f"cuda:{index}"] = (
            f"{gpu.name}, {gpu.total_memory / 2**30:.1f} GiB, compute capability "
            f"{gpu.major}.{gpu.minor}, {gpu.multi_processor_count} multiprocessors"
        )
    return facts


print(json.dumps(describe()))
