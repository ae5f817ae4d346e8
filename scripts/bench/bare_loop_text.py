"""The bare loop of an encoder of texts: tokens, forward, mean over the tokens, length 1.

    python bare_loop_text.py model.pt tokenizer.json cpu texts.json

Speaks the protocol of bare_loop.py; a row is one of the texts in turn. It needs the package
tokenizers.
"""

import json
import os
import sys

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from bare_plans import Forward, Plans, say
from tokenizers import Tokenizer
from torch import Tensor

MOST_TOKENS = 256


def encode(forward: Forward, tokenizer: Tokenizer, texts: list[str], device: str) -> Tensor:
    encodings = tokenizer.encode_batch(texts)
    ids = torch.tensor([one.ids for one in encodings], device=device)
    mask = torch.tensor([one.attention_mask for one in encodings], device=device)
    weights = mask.unsqueeze(-1).float()
    means = (forward(ids, mask) * weights).sum(1) / weights.sum(1)
    return torch.nn.functional.normalize(means)


def main(path: str, tokenizer_file: str, device: str, texts_file: str) -> None:
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    with open(texts_file, encoding="utf-8") as file:
        texts = json.load(file)
    tokenizer = Tokenizer.from_file(tokenizer_file)
    tokenizer.enable_truncation(MOST_TOKENS)
    tokenizer.enable_padding()
    plans = Plans(path, device)
    with torch.inference_mode():
        say({"version": torch.__version__, "predictions": []})
        for question, forward in plans.questions():
            if question.get("predict"):
                say({"predictions": encode(forward, tokenizer, texts, device).tolist()})
                continue
            count = question["rows"]
            batch = (texts * -(-count // len(texts)))[:count]
            say(plans.measure(question, lambda: encode(forward, tokenizer, batch, device)))


if __name__ == "__main__":
    main(*sys.argv[1:])
