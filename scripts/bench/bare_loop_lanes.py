"""The bare TorchScript loop of a GPU: as fast as PyTorch goes with a module, and nothing around it.

    python bare_loop_lanes.py model.pt cuda:0 rows.json

Speaks the protocol of bare_loop.py, without its variants and threads. A question has besides

    "lanes": how many streams take batches in turn, each with buffers of its own: the batches of a lane
             follow each other, those of two lanes overlap (one computes while another is copied)
    "copies": whether inputs come from page-locked memory and results go there, or stay on the device

and its plan may have {"graphs": true}: forward is captured as a CUDA graph, and replayed. rows.json may
name the "dtype" of its rows. On the CPU there are no streams, copies and graphs: a lane is its forward.
"""

import json
import sys
import time
from contextlib import AbstractContextManager

import torch
from bare_plans import Forward, Plans, plan_of, say
from torch import Tensor

WARM_UP_SECONDS, FEWEST_BATCHES = 0.2, 5


class Lane:
    """A stream and the buffers of a batch on it."""

    def __init__(self, forward: Forward, rows: Tensor, device: str, copies: bool, graphs: bool) -> None:
        self.forward = forward
        self.on_gpu = device.startswith("cuda")
        self.copies = copies and self.on_gpu
        self.stream = torch.cuda.Stream(device) if self.on_gpu else None
        self.done = torch.cuda.Event() if self.on_gpu else None
        self.graph = None
        self.host = rows.pin_memory() if self.on_gpu else rows
        if self.on_gpu:
            # What the module was made of, and what other lanes have made of it, is there for this one.
            torch.cuda.synchronize(device)
        with self.queue():
            self.input = self.host.to(device)
            for _ in range(FEWEST_BATCHES):
                self.output = forward(self.input)
            result = self.output.cpu()
        self.result = result.pin_memory() if self.on_gpu else result
        if graphs and self.on_gpu:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph, stream=self.stream):
                self.output = forward(self.input)

    def queue(self) -> AbstractContextManager:
        return torch.cuda.stream(self.stream)

    def start(self) -> None:
        """Queues a batch. Its copies are ordered by the stream, as is the memory of its tensors."""
        with self.queue():
            if self.copies:
                self.input.copy_(self.host, non_blocking=True)
            if self.graph is None:
                self.output = self.forward(self.input)
            else:
                self.graph.replay()
            if self.copies:
                self.result.copy_(self.output, non_blocking=True)
            if self.done is not None:
                self.done.record()

    def wait(self) -> None:
        if self.done is not None:
            self.done.synchronize()


def repeat(lanes: list[Lane], seconds: float) -> int:
    """Batches on the lanes in turn until the time is over; how many. All are done at the return."""
    count, end = 0, time.perf_counter() + seconds
    while count < FEWEST_BATCHES or time.perf_counter() < end:
        lane = lanes[count % len(lanes)]
        lane.wait()
        lane.start()
        count += 1
    for lane in lanes:
        lane.wait()
    return count


def compute_as(plan: dict) -> None:
    """TensorFloat-32 is a setting of the process. PyTorch allows it to convolutions by itself."""
    torch.backends.cuda.matmul.allow_tf32 = plan.get("precision") == "tf32"


def measure(question: dict, forward: Forward, requests: Tensor, device: str) -> dict:
    count, plan = question["rows"], plan_of(question)
    rows = torch.cat([requests] * -(-count // len(requests)))[:count].contiguous()
    options = (question.get("copies", True), plan.get("graphs", False))
    lanes = [Lane(forward, rows, device, *options) for _ in range(question.get("lanes", 1))]
    repeat(lanes, WARM_UP_SECONDS)
    cpu, start = time.process_time(), time.perf_counter()
    batches = repeat(lanes, question["seconds"])
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {"batches": batches, "seconds": seconds, "cpuSeconds": cpu}


def main(path: str, device: str, rows_file: str) -> None:
    with open(rows_file, encoding="utf-8") as file:
        given = json.load(file)
    requests = torch.tensor(given["requests"], dtype=getattr(torch, given.get("dtype", "float32")))
    requests = requests.reshape(-1, *given.get("dims", requests.shape[1:]))
    plans = Plans(path, device)
    say({"version": torch.__version__, "cuda": torch.version.cuda, "predictions": []})
    with torch.inference_mode():
        for question, forward in plans.questions():
            plan = plan_of(question)
            compute_as(plan)
            if question.get("predict"):
                lane = Lane(forward, requests, device, True, plan.get("graphs", False))
                lane.start()
                lane.wait()
                say({"predictions": lane.result.tolist() if lane.copies else lane.output.tolist()})
            else:
                say(measure(question, forward, requests, device))


if __name__ == "__main__":
    main(*sys.argv[1:])
