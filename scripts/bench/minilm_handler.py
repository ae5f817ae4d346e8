"""all-MiniLM-L6-v2 in TorchServe: {"inputs": [text, ...]} to a vector of length 1 for each text."""

import json
import os

import torch
from tokenizers import Tokenizer
from ts.torch_handler.base_handler import BaseHandler


class SentenceHandler(BaseHandler):
    def initialize(self, context):
        folder = context.system_properties["model_dir"]
        self.model = torch.jit.load(os.path.join(folder, "model.pt")).eval()
        self.tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        self.tokenizer.enable_truncation(256)
        self.tokenizer.enable_padding()
        self.initialized = True

    def preprocess(self, data):
        bodies = [row.get("body") or row.get("data") for row in data]
        bodies = [body if isinstance(body, dict) else json.loads(body) for body in bodies]
        self.counts = [len(body["inputs"]) for body in bodies]
        encodings = self.tokenizer.encode_batch([text for body in bodies for text in body["inputs"]])
        ids = torch.tensor([one.ids for one in encodings])
        return ids, torch.tensor([one.attention_mask for one in encodings])

    def inference(self, inputs):
        ids, mask = inputs
        with torch.inference_mode():
            weights = mask.unsqueeze(-1).float()
            means = (self.model(ids, mask) * weights).sum(1) / weights.sum(1)
            return torch.nn.functional.normalize(means)

    def postprocess(self, vectors):
        return [part.tolist() for part in vectors.split(self.counts)]
