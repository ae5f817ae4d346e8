"""alpha in Ray Serve: batches of up to 32 of what is waiting.

    python ray_server.py model.pt PORT
"""

import os
import signal
import sys

os.environ["RAY_SERVE_LOG_TO_STDERR"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
import torch
from ray import serve
from starlette.requests import Request


@serve.deployment(max_ongoing_requests=256, ray_actor_options={"num_cpus": 1})
class Alpha:
    def __init__(self, path: str) -> None:
        torch.set_num_threads(1)
        self.model = torch.jit.load(path).eval()

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0)
    async def predict(self, rows: list[list[float]]) -> list[list[float]]:
        with torch.inference_mode():
            return self.model(torch.tensor(rows)).tolist()

    async def __call__(self, request: Request) -> dict:
        body = await request.json()
        return {"prediction": await self.predict(body["features"])}


def main(path: str, port: str) -> None:
    # The signals are held back before Ray starts threads, so that only the wait below takes them.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    ray.init(include_dashboard=False, log_to_driver=False, logging_level="error")
    serve.start(
        http_options={"host": "127.0.0.1", "port": int(port)},
        logging_config={"enable_access_log": False, "log_level": "ERROR"},
    )
    serve.run(Alpha.bind(path), route_prefix="/predict")
    signal.sigwait(signals)
    ray.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
