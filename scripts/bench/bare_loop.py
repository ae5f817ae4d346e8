"""The bare TorchScript loop: the same batch through the model again and again, nothing around it.

    python bare_loop.py model.pt cpu rows.json

Speaks the protocol of lib/loop.mjs: prints one line of JSON when ready, then answers each line
{"plan": plan, "threads": n, "rows": n, "seconds": s} with {"batches": n, "seconds": s,
"cpuSeconds": s}, and {"plan": plan, "predict": true} with {"predictions": rows}. bare_plans.py says
what a plan is; {"variant": "plain" | "frozen"} stands for the simplest two. rows.json is
{"requests": rows, "dims": dimensions of a row, unless rows are vectors}.
"""

import json
import sys

import torch
from bare_plans import Plans, say


def main(path: str, device: str, rows_file: str) -> None:
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    with open(rows_file, encoding="utf-8") as file:
        given = json.load(file)
    requests = torch.tensor(given["requests"])
    requests = requests.reshape(-1, *given.get("dims", requests.shape[1:])).to(device)
    plans = Plans(path, device)
    with torch.inference_mode():
        frozen = plans.forward({"freeze": True})
        say({"version": torch.__version__, "predictions": frozen(requests).tolist()})
        for question, forward in plans.questions():
            if question.get("predict"):
                say({"predictions": forward(requests).tolist()})
                continue
            count = question["rows"]
            rows = torch.cat([requests] * -(-count // len(requests)))[:count].contiguous()
            say(plans.measure(question, lambda: forward(rows)))


if __name__ == "__main__":
    main(*sys.argv[1:])
