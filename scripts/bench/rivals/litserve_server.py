"""alpha in LitServe: batches of up to 32 of what is waiting.

    python litserve_server.py model.pt PORT
"""

import sys

import litserve
import torch


class Alpha(litserve.LitAPI):
    def __init__(self, path: str) -> None:
        super().__init__(max_batch_size=32, batch_timeout=0)
        self.path = path

    def setup(self, device):
        torch.set_num_threads(1)
        self.model = torch.jit.load(self.path, map_location=device).eval()

    def decode_request(self, request):
        return torch.tensor(request["features"])

    def batch(self, inputs):
        return torch.stack(inputs)

    def predict(self, x):
        with torch.inference_mode():
            return self.model(x)

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return {"prediction": output.tolist()}


if __name__ == "__main__":
    model, port = sys.argv[1:]
    server = litserve.LitServer(Alpha(model), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(port), generate_client_file=False, log_level="warning"
    )
