"""TorchServe's side of the subject identity: values as JSON, or as raw float32 both ways."""

import torch
from ts.torch_handler.base_handler import BaseHandler


class IdentityHandler(BaseHandler):
    def initialize(self, context):
        folder = context.system_properties.get("model_dir")
        self.model = torch.jit.load(f"{folder}/identity.pt").eval()
        self.initialized = True

    def preprocess(self, data):
        bodies = [row.get("body") or row.get("data") for row in data]
        self.is_json = [isinstance(body, dict) for body in bodies]
        rows = [
            torch.tensor(body["values"], dtype=torch.float32)
            if isinstance(body, dict)
            else torch.frombuffer(body, dtype=torch.float32)
            for body in bodies
        ]
        return torch.stack(rows)

    def inference(self, data):
        with torch.inference_mode():
            return self.model(data)

    def postprocess(self, outputs):
        return [
            {"values": row.tolist()} if is_json else row.numpy().tobytes()
            for row, is_json in zip(outputs, self.is_json)
        ]
