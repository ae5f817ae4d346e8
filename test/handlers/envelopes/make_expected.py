"""Writes expected.json: what TorchServe's envelopes make of requests and of handlers' results.

Run with an interpreter that has torchserve: python make_expected.py
Each case is what a handler behind the envelope is given (bytes as {"__bytes__": base64}), and the
text that the client gets for the results that the handler returns.
"""

import base64
import json
import pathlib

import torch
from ts.torch_handler.request_envelope.json import JSONEnvelope
from ts.torch_handler.request_envelope.kserve import KServeEnvelope
from ts.torch_handler.request_envelope.kservev2 import KServev2Envelope

ENVELOPES = {"json": JSONEnvelope, "kserve": KServeEnvelope, "kservev2": KServev2Envelope}


class Context:
    manifest = {"model": {"modelName": "mnist", "modelVersion": "1.0"}}

    def __init__(self, explain):
        self.explain = explain

    def get_request_header(self, index, name):
        return "True" if name == "explain" and self.explain else None

    def get_request_id(self, index):
        return "request-1"


def b64(data):
    return base64.b64encode(data).decode()


def readable(value):
    if isinstance(value, (bytes, bytearray)):
        return {"__bytes__": b64(bytes(value))}
    if isinstance(value, dict):
        return {key: readable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [readable(item) for item in value]
    return value


def as_sent(value):
    """As the worker sends a result of a handler."""
    return value if isinstance(value, str) else json.dumps(value, indent=2)


def run(name, body, results, explain=False):
    seen = []

    def handle(data, context):
        seen.append(json.loads(json.dumps(readable(data))))
        return results

    envelope = ENVELOPES[name](handle)
    reply = envelope.handle([{"body": json.loads(json.dumps(body))}], Context(explain))
    assert len(reply) == 1
    return {
        "envelope": name,
        "body": body,
        "explain": explain,
        "given": seen[0],
        "results": [json.dumps(result, indent=2) for result in results],
        "reply": as_sent(reply[0]),
    }


def tensor(name, shape, datatype, data):
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


FLOATS = torch.tensor([0.1, 1.0, 1e-05, 3.4e38]).tolist()
IMAGE = b64(b"\x89PNG\r\n\x00\xff")
LABELS = {"tabby": 0.4096, "egyptian \"cat\", ünd": 1.0, "a,\n b": [1, {"x": None}]}

CASES = [
    run("json", {"instances": [[1, 2.5], [3, 4]]}, [FLOATS, [True, None]]),
    run("json", {"instances": [{"b64": IMAGE}, {"b64": IMAGE}]}, [LABELS, 7]),
    run("json", {"instances": [{"data": "text", "image": {"b64": IMAGE}}]}, ["a, b\nc: [1]"]),
    run("json", {"instances": [{"features": [1, 2]}]}, [[[], {}, [[]]]]),
    run("json", {"instances": [5, "five", None, True]}, [1, 2.0, "3", None]),
    run("kserve", {"instances": [[1, 2.5], [3, 4]]}, [FLOATS, [[1], [2, 3]]]),
    run("kserve", {"instances": [{"data": IMAGE}], "other": 1}, [LABELS]),
    run("kserve", {"instances": [{"body": [1, 2]}]}, ["text"], explain=True),
    run("kserve", {"instances": [{"b64": IMAGE}]}, [[]]),
    run("kservev2", {"id": "d3b15cad", "inputs": [tensor("a", [4], "INT64", [66, 108, 111, 109])]}, [[2]]),
    run("kservev2", {"inputs": [tensor("in", [2, 2], "FP32", [1, 2.5, 3, 4])]}, [[FLOATS, FLOATS]]),
    run("kservev2", {"id": " ", "inputs": [tensor("in", [1, 2], "BOOL", [True, False])]}, [[True, False]]),
    run("kservev2", {"id": " x", "inputs": [tensor("ü", [1], "BYTES", [IMAGE])]}, [LABELS]),
    run(
        "kservev2",
        {
            "inputs": [
                tensor("text", [1], "BYTES", ["what, \"now\""]),
                tensor("nested", [2, 3], "INT32", [[1, 2, 3], [4, 5, 6]]),
                tensor("cube", [2, 1, 2], "UINT8", [1, 2, 3, 4]),
                tensor("number", [], "FP64", [1.5]),
            ]
        },
        [["yes", "no"], [[1, 2.5], [True, 3]], [True, 2], 1.5],
    ),
    run(
        "kservev2",
        {"inputs": [tensor(str(i), [1], "INT64", [i]) for i in range(5)]},
        [[], "text", None, -7, [1e22, float("nan")]],
    ),
]

path = pathlib.Path(__file__).with_name("expected.json")
path.write_text(json.dumps(CASES, indent=2, ensure_ascii=True) + "\n")
