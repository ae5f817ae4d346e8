"""Answers what it is told to, or misbehaves on request: {"exit": 3}, {"hang": 1}, ..."""

import ctypes
import os
import signal
import time

from ts.handler_utils.utils import send_intermediate_predict_response
from ts.utils.util import PredictionException

loaded_in = os.getpid()


def wait_for(path):
    """Tells the test that the batch is here, and waits until it may go on."""
    open(path + ".here", "w").close()
    while not os.path.exists(path):
        time.sleep(0.005)


def handle(data, context):
    if data is None:
        return None
    if context.get_request_header(0, "describe") == "True":
        return [{"pid": loaded_in, "batch_size": context.system_properties["batch_size"]}]
    commands = [row["body"] if isinstance(row.get("body"), dict) else {} for row in data]
    for command in commands:
        if "say" in command:
            print(command["say"])
        if "count" in command:
            context.metrics.add_counter("Seen", command["count"])
        if "wait" in command:
            wait_for(command["wait"])
        if "raise" in command:
            raise ValueError(command["raise"])
        if "refuse" in command:
            raise PredictionException(command["refuse"], command["code"])
        if "memory" in command:
            raise MemoryError("as asked")
        if "exit" in command:
            os._exit(command["exit"])
        if "kill" in command:
            os.kill(os.getpid(), signal.SIGKILL)
        if "crash" in command:
            ctypes.string_at(0)
        if "hang" in command:
            time.sleep(10_000)
        if "lose" in command:
            return []
        if "odd" in command:
            return {"not": "a list"}
        if "unspeakable" in command:
            return [object() for _ in data]
    if "stream" in commands[0]:
        for piece in commands[0]["stream"]:
            send_intermediate_predict_response(
                [piece], context.request_ids, "Intermediate Prediction success", 200, context
            )
            if "pause" in commands[0]:
                wait_for(f"{commands[0]['pause']}.{piece}")
        return ["end"]
    if "status" in commands[0]:
        context.set_response_status(commands[0]["status"], "Teapot", 0)
        context.set_response_header(0, "foo", "bar")
        context.set_response_content_type(0, "text/plain")
        return ["custom"]
    if "bytes" in commands[0]:
        return [bytes(commands[0]["bytes"])]
    explain = context.get_request_header(0, "explain")
    return [
        {"value": command.get("value"), "pid": os.getpid(), "rows": len(data), "explain": explain}
        for command in commands
    ]
