"""Writes expected.json: what the handler answers when it is called as TorchServe calls it.

    pip install torch==2.13.0 torchserve==0.12.0 pyyaml
    python make_expected.py
"""

import json
from pathlib import Path
from types import SimpleNamespace

from custom_handler import AlphaModelHandler

HERE = Path(__file__).parent
MODEL = HERE.parent / "alpha_model"


def main() -> None:
    handler = AlphaModelHandler()
    handler.initialize(SimpleNamespace(manifest={}, system_properties={"model_dir": str(MODEL)}))
    request = (HERE / "request.json").read_bytes()
    [answer] = handler.postprocess(handler.inference(handler.preprocess([{"body": request}])))
    answers = [{"request": "request.json", "answer": answer}]
    (HERE / "expected.json").write_text(json.dumps({"tolerance": 1e-5, "answers": answers}) + "\n")


if __name__ == "__main__":
    main()
