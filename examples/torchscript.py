"""Writes TorchScript files that hold nothing of the machine that trained them."""

import io
import zipfile
from pathlib import Path

import torch
from torch import nn

# Debug records name source files by their absolute paths; the id is a hash that varies with them.
LEFT_OUT = (".debug_pkl", ".data/serialization_id")


def save(model: nn.Module, path: Path) -> None:
    """torch.jit.save of the scripted model, without the debug records and the id."""
    saved = io.BytesIO()
    torch.jit.save(torch.jit.script(model.eval()), saved)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(path, "w") as target:
        for record in source.infolist():
            if not record.filename.endswith(LEFT_OUT):
                target.writestr(record, source.read(record))
