"""Trains a classifier of tickets on hashed words and writes it as TorchScript.

The tickets are made up by tickets.py, from one fixed seed. Words become features as in
tickets_handler.ts: what is computed here and there must be the same.

    pip install torch==2.13.0
    python make_model.py    write model.pt, the requests and expected.json
"""

import json
import re
import sys
from pathlib import Path
from random import Random

import torch
from tickets import TOPICS, Ticket, write
from torch import Tensor, nn

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from torchscript import save  # noqa: E402

SEED = 20
TICKETS = 4000
HELD_OUT = 800
EPOCHS = 6
BATCH = 64

FEATURES = 512
# Tokens that are left out in turn to find reasons: as many as rows fit into a batch.
MOST_TOKENS = 32
MOST_REASONS = 3


class TicketNetwork(nn.Module):
    """Scores of the four topics: hashed words [n, 512] to [n, 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(FEATURES, 32), nn.ReLU(), nn.Linear(32, len(TOPICS))
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)


def tokens_of(ticket: Ticket) -> list[str]:
    """`field:word` for each word, each once, in the order of the ticket."""
    words = ((field, re.findall(r"[^\W\d_]+", ticket[field].lower())) for field in ticket)
    return list(dict.fromkeys(f"{field}:{word}" for field, found in words for word in found))


def fnv1a(text: str) -> int:
    """The 32-bit FNV-1a hash of the text in UTF-8."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def features_of(tokens: list[str]) -> Tensor:
    """1 or -1 for each token at a place that its hash says, both by its hash: [512]."""
    features = torch.zeros(FEATURES)
    for token in tokens:
        value = fnv1a(token)
        features[value % FEATURES] += -1.0 if value >> 31 else 1.0
    return features


def train(features: Tensor, topics: Tensor) -> TicketNetwork:
    model = TicketNetwork()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(features)).split(BATCH):
            loss = nn.functional.cross_entropy(model(features[rows]), topics[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


def answer(model: nn.Module, ticket: Ticket) -> dict[str, object]:
    """The likeliest topic, and the words without which it would be less likely, most first."""
    tokens = tokens_of(ticket)
    kept = tokens[:MOST_TOKENS]
    without = [features_of([t for t in tokens if t != left_out]) for left_out in kept]
    with torch.no_grad():
        probabilities = torch.softmax(model(features_of(tokens).unsqueeze(0)), 1)[0]
        topic = int(probabilities.argmax())
        rest = torch.softmax(model(torch.stack(without)), 1)[:, topic]
    lost = (probabilities[topic] - rest).tolist()
    order = sorted(range(len(kept)), key=lambda i: -lost[i])
    because = [kept[i] for i in order[:MOST_REASONS] if lost[i] > 0]
    return {
        "topic": TOPICS[topic],
        "probability": probabilities[topic].item(),
        "because": because,
    }


def write_expected() -> None:
    """Requests, what PyTorch answers, and what the handler says of a request without a text."""
    model = torch.jit.load(HERE / "model.pt")
    tickets = {
        "request.json": {
            "subject": "Charged twice!",
            "text": "Hello, my card was charged twice for order 1734. The parcel came today.",
        },
        "request_unsure.json": {
            "subject": "Où est mon colis ?",
            "text": "The box is broken. Do I send it back, or will the courier fetch it?",
        },
    }
    asked: list[dict[str, object]] = []
    for name, ticket in tickets.items():
        (HERE / name).write_text(json.dumps(ticket, ensure_ascii=False) + "\n")
        asked.append({"request": name, "answer": answer(model, ticket)})
    (HERE / "request_wrong.json").write_text(json.dumps({"subject": "Help", "text": 5}) + "\n")
    refused = {"code": 422, "type": "InternalServerException", "message": "text must be a text"}
    asked.append({"request": "request_wrong.json", "status": 422, "answer": refused})
    (HERE / "expected.json").write_text(json.dumps({"tolerance": 1e-5, "answers": asked}) + "\n")


def main() -> None:
    # One thread: the order of the sums, and so the weights, do not depend on the number of cores.
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    random = Random(SEED)
    topics = torch.arange(TICKETS) % len(TOPICS)
    tickets = [write(TOPICS[topic], random) for topic in topics.tolist()]
    features = torch.stack([features_of(tokens_of(ticket)) for ticket in tickets])
    known, held_out = slice(HELD_OUT, None), slice(HELD_OUT)
    model = train(features[known], topics[known])
    for name, part in (("known", known), ("held-out", held_out)):
        with torch.no_grad():
            hits = model(features[part]).argmax(1) == topics[part]
        print(f"{name} tickets: {hits.double().mean().item():.4f}")
    save(model, HERE / "model.pt")
    write_expected()


if __name__ == "__main__":
    main()
