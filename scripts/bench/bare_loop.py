"""The bare TorchScript loop: the same batch through the model again and again, nothing around it.

    python bare_loop.py model.pt cpu expected.json

Speaks the protocol of lib/loop.mjs: prints one line of JSON when ready, then answers each line
{"variant": "plain" | "frozen", "rows": n, "seconds": s} with {"batches": n, "seconds": s}.
"""

import json
import sys
import time

import torch

WARM_UP_BATCHES = 50


def say(answer: dict) -> None:
    print(json.dumps(answer), flush=True)


def measure(module: torch.jit.ScriptModule, rows: torch.Tensor, seconds: float) -> dict:
    synchronize = torch.cuda.synchronize if rows.is_cuda else lambda: None
    for _ in range(WARM_UP_BATCHES):
        module(rows)
    synchronize()
    batches = 0
    start = time.perf_counter()
    end = start + seconds
    while time.perf_counter() < end:
        module(rows)
        synchronize()
        batches += 1
    return {"batches": batches, "seconds": time.perf_counter() - start}


def main(path: str, device: str, rows_file: str) -> None:
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    with open(rows_file, encoding="utf-8") as file:
        requests = torch.tensor(json.load(file)["requests"]).to(device)
    plain = torch.jit.load(path, map_location=device).eval()
    modules = {"plain": plain, "frozen": torch.jit.freeze(plain)}
    with torch.inference_mode():
        say({"version": torch.__version__, "predictions": modules["frozen"](requests).tolist()})
        for line in sys.stdin:
            question = json.loads(line)
            repeats = -(-question["rows"] // len(requests))
            rows = requests.repeat(repeats, 1)[: question["rows"]].contiguous()
            say(measure(modules[question["variant"]], rows, question["seconds"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
