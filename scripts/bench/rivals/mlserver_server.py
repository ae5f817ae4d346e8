"""alpha in MLServer: a runtime of its own, in the server's process, batches of up to 32.

    python mlserver_server.py model.pt PORT
"""

import asyncio
import sys

import torch
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse


class Alpha(MLModel):
    async def load(self) -> bool:
        torch.set_num_threads(1)
        self.model = torch.jit.load(self.settings.parameters.uri).eval()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0])
        with torch.inference_mode():
            scores = self.model(torch.from_numpy(rows).float()).numpy()
        output = NumpyCodec.encode_output("prediction", scores)
        return InferenceResponse(model_name=self.name, outputs=[output])


async def main(path: str, port: str) -> None:
    server = MLServer(
        Settings(
            host="127.0.0.1",
            http_port=int(port),
            grpc_port=0,
            metrics_endpoint=None,
            parallel_workers=0,
            debug=False,
        )
    )
    model = ModelSettings(
        name="alpha_model",
        implementation=Alpha,
        max_batch_size=32,
        max_batch_time=0.001,
        parameters=ModelParameters(uri=path),
    )
    await server.start([model])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
