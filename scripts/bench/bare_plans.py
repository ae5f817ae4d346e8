"""What the bare loops share: a TorchScript file prepared by a plan, and batches of it in a loop.

A plan says how Sconce would prepare a module, in the words of its API: {"freeze": bool,
"optimize": bool, "channelsLast": bool, "precision": "float32" | "tf32" | "bfloat16" | "float16"}; what is
left out is false, and float32. TensorFloat-32 is for the process to allow: its numbers are float32.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

# A warm-up ends with either: LibTorch has specialised a module after a few runs.
WARM_UP_BATCHES, WARM_UP_SECONDS, FEWEST_BATCHES = 50, 1.0, 3

Forward = Callable[..., Tensor]


class Plans:
    """Modules of one file, each prepared once."""

    def __init__(self, path: str, device: str) -> None:
        self.path, self.device = path, device
        self.prepared: dict[str, Forward] = {}
        self.warm: set[str] = set()

    def forward(self, plan: dict) -> Forward:
        """forward of float32 and integer inputs, whose results are float32. What a plan does to
        inputs is part of it: it is done for each batch. Graphs are for the loop to capture."""
        key = json.dumps({**plan, "graphs": False}, sort_keys=True)
        if key not in self.prepared:
            self.prepared[key] = self.prepare(plan)
        return self.prepared[key]

    def prepare(self, plan: dict) -> Forward:
        module = torch.jit.load(self.path, map_location=self.device).eval()
        layout = torch.channels_last if plan.get("channelsLast") else torch.contiguous_format
        precision = plan.get("precision", "float32")
        dtype = torch.float32 if precision == "tf32" else getattr(torch, precision)
        if dtype != torch.float32:
            module = module.to(dtype)
        if layout is torch.channels_last:
            module = module.to(memory_format=layout)
        if plan.get("freeze"):
            module = torch.jit.freeze(module)
        if plan.get("optimize"):
            module = torch.jit.optimize_for_inference(module)

        def convert(value: Tensor) -> Tensor:
            value = value.to(dtype) if value.is_floating_point() else value
            return value.contiguous(memory_format=layout) if value.dim() == 4 else value

        if dtype == torch.float32 and layout is torch.contiguous_format:
            return module
        return lambda *inputs: module(*map(convert, inputs)).float()

    def questions(self) -> Iterator[tuple[dict, Forward]]:
        """What stdin asks, with forward by its plan; so many threads as it says are set."""
        for line in sys.stdin:
            question = json.loads(line)
            torch.set_num_threads(question.get("threads", 1))
            yield question, self.forward(plan_of(question))

    def measure(self, question: dict, run: Callable[[], Tensor]) -> dict:
        """Batches within the seconds of a question, after a warm-up when it is a new one."""
        key = json.dumps({**question, "seconds": 0}, sort_keys=True)
        if key not in self.warm:
            repeat(run, WARM_UP_SECONDS, FEWEST_BATCHES, WARM_UP_BATCHES)
            self.warm.add(key)
        cpu, start = time.process_time(), time.perf_counter()
        batches = repeat(run, question["seconds"]) if question["seconds"] > 0 else 0
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        return {"batches": batches, "seconds": seconds, "cpuSeconds": cpu}


def repeat(run: Callable[[], Tensor], seconds: float, fewest: int = 1, most: float = float("inf")) -> int:
    """Runs until the time is over, and at least and at most as often as said; how often."""
    synchronize = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    count, end = 0, time.perf_counter() + seconds
    while count < fewest or (count < most and time.perf_counter() < end):
        run()
        synchronize()
        count += 1
    return count


def plan_of(question: dict) -> dict:
    """That of a question, whose `variant`, "plain" or "frozen", says the same in a word."""
    return question.get("plan", {"freeze": question.get("variant") == "frozen"})


def say(answer: dict) -> None:
    print(json.dumps(answer), flush=True)
