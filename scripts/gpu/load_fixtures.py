"""Loads every model of the tests and examples on a device: load_fixtures.py cuda:0

They were written by one version of torch and are read by another here: a model that torch itself
cannot load explains the tests that fail with it. Prints one JSON object: how many were loaded, which
have operators that this torch lacks, and which failed with what.
"""

import json
import sys
from pathlib import Path

import torch

try:
    import torchvision  # noqa: F401  registers its operators
except ImportError:
    pass

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ["test/fixtures", "examples"]
FAILURES_TOLD = 12


def main(device):
    loaded, lacking, failed = 0, [], []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.pt")):
            name = str(path.relative_to(ROOT))
            if "/broken/" in name:
                continue
            try:
                torch.jit.load(path, map_location=device)
                loaded += 1
            except Exception as error:  # whatever it is, the next one is tried
                text = str(error).strip()
                if "Unknown builtin op" in text or "Unknown operator" in text:
                    lacking.append(name)
                else:
                    failed.append([name, text[-300:]])
    told = failed[:FAILURES_TOLD]
    print(json.dumps({"loaded": loaded, "lacking": lacking, "failed": len(failed), "told": told}))


main(sys.argv[1])
