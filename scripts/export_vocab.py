"""Writes the vocabulary of a TorchServe text classifier as vocab.json, which Sconce reads.

    python export_vocab.py source_vocab.pt [vocab.json]

source_vocab.pt is a pickled object, so that loading it runs whatever code it names: give only files
that you trust. It needs PyTorch, and torchtext where the vocabulary is torchtext's.
"""

import argparse
import json
from pathlib import Path

import torch


def indices_of(vocabulary: object) -> dict[str, int]:
    """Token to id: of torchtext's Vocab, of older ones, or of a plain dictionary."""
    if hasattr(vocabulary, "get_stoi"):
        return dict(vocabulary.get_stoi())
    return dict(getattr(vocabulary, "stoi", vocabulary))


def default_index_of(vocabulary: object) -> int | None:
    """The id that unknown tokens get, when there is one."""
    if hasattr(vocabulary, "get_default_index"):
        return vocabulary.get_default_index()
    return getattr(vocabulary, "unk_index", None)


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes source_vocab.pt as vocab.json.")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path, nargs="?", default=Path("vocab.json"))
    given = parser.parse_args()
    vocabulary = torch.load(given.source, weights_only=False)
    indices = indices_of(vocabulary)
    given.target.write_text(json.dumps(indices, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {given.target}: {len(indices)} tokens")
    default = default_index_of(vocabulary)
    if default is not None and indices.get("<unk>") != default:
        print(f"unknown tokens have the id {default}. Write into model-config.yaml:")
        print(f"handler:\n  unknownIndex: {default}")


if __name__ == "__main__":
    main()
