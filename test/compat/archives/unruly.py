"""What only handlers in Python can do: streams, exceptions with a status, and what no reply is."""

import os

from ts.handler_utils.utils import send_intermediate_predict_response
from ts.utils.util import PredictionException


def handle(data, context):
    if data is None:  # called once to initialize
        return None
    if context.get_all_request_header(0).get("describe") == "True":
        return [{"handler": "unruly"}]
    command = data[0]["body"]
    if "stream" in command:
        if command.get("head"):
            context.set_response_status(code=202, phrase="Going", idx=0)
            context.set_response_header(0, "foo", "bar")
            context.set_response_content_type(0, "text/plain")
        *pieces, last = command["stream"]
        for piece in pieces:
            send_intermediate_predict_response(
                [piece], context.request_ids, "Intermediate Prediction success", 200, context
            )
        return [last]
    if "exception" in command:
        raise PredictionException("as asked", *command["exception"])
    if "count" in command:
        return ["one"] * command["count"]
    if "answer" in command:
        return command["answer"]
    if "reply" in command:
        return [command["reply"]]
    if "die" in command:
        os._exit(1)
    return [{"size": len(data), "number": 1.0, "missing": None, "text": "é"}] * len(data)
