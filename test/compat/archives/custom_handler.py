import torch
import json
import logging
from ts.torch_handler.base_handler import BaseHandler

class AlphaModelHandler(BaseHandler):
    def __init__(self):
        super().__init__()
        self.initialized = False
    
    def initialize(self, context):
        self.manifest = context.manifest
        model_dir = context.system_properties.get("model_dir")
        
        self.model = torch.jit.load(f"{model_dir}/model.pt")
        self.model.eval()
        self.initialized = True
    
    def preprocess(self, data):
        inputs = []
        for row in data:
            body = row.get("body") or row.get("data")
            if isinstance(body, (bytes, bytearray)):
                body = json.loads(body)
            features = torch.tensor(body["features"], dtype=torch.float32)
            inputs.append(features)
        return torch.stack(inputs)
    
    def inference(self, inputs):
        with torch.no_grad():
            return self.model(inputs)
    
    def postprocess(self, outputs):
        return [{"prediction": p.tolist()} for p in outputs]
