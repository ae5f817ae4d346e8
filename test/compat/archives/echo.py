"""Answers what it was given, or misbehaves on request: {"raise": 1}, {"status": 418}, ..."""


def printable(value):
    return str(bytes(value)) if isinstance(value, (bytes, bytearray)) else value


def handle(data, context):
    if data is None:  # called once to initialize
        return None
    headers = context.get_all_request_header(0)
    if headers.get("describe") == "True":
        return [{"handler": "echo", "tags": ["a", "b"], "rate": 0.5}]
    row = {name: printable(value) for name, value in data[0].items()}
    command = row.get("body") if isinstance(row.get("body"), dict) else {}
    if "raise" in command:
        raise ValueError("as asked")
    if "memory" in command:
        raise MemoryError("as asked")
    if "status" in command:
        context.set_response_status(
            code=command["status"], phrase=command.get("phrase", "Custom"), idx=0
        )
        context.set_response_header(0, "foo", "bar")
        context.set_response_content_type(0, "text/plain")
        return ["custom"]
    if "text" in command:
        return [command["text"]]
    if "bytes" in command:
        return [bytes(command["bytes"])]
    if "big" in command:
        return ["x" * command["big"]]
    # TorchServe gives them in no order, and says `explain: False` on some routes only.
    shown = {name: headers[name] for name in sorted(headers) if headers[name] != "False"}
    return [{**row, "n": len(data), "hdr": shown}]
