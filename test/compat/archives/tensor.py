"""What Sconce's handler `tensor` does for a row without a name, with TorchServe's base handler."""

import json

import torch
from ts.torch_handler.base_handler import BaseHandler


class TensorHandler(BaseHandler):
    def preprocess(self, data):
        rows = []
        for row in data:
            body = row.get("data")
            if body is None:
                body = row.get("body")
            if isinstance(body, (bytes, bytearray, str)):
                body = json.loads(body)
            rows.append(body)
        return torch.tensor(rows, dtype=torch.float32)

    def postprocess(self, outputs):
        return outputs.tolist()
