"""Trains a recommender with two inputs and writes it as TorchScript.

The ratings are made up: a user is six tastes from -1 to 1, a film up to four of 24 tags, and the
stars follow from a fixed random preference of each taste for each tag, with noise. All of it comes
from one fixed seed.

    pip install torch==2.13.0
    python make_model.py    write model.pt, the requests and expected.json
"""

import json
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from torchscript import save  # noqa: E402

SEED = 20
RATINGS = 40_000
HELD_OUT = 4_000
EPOCHS = 6
BATCH = 256

TASTES = 6
TAGS = 24
SLOTS = 4
NOISE = 0.3


class Recommender(nn.Module):
    """Stars for a film with some tags: user [n, 6] and tags int64 [n, 4] to stars [n] and what each
    tag adds to them [n, 4]. Tag 0 is none."""

    def __init__(self) -> None:
        super().__init__()
        self.tags = nn.Embedding(TAGS + 1, 16, padding_idx=0)
        self.user = nn.Sequential(nn.Linear(TASTES, 32), nn.ReLU(), nn.Linear(32, 16))
        self.mean = nn.Parameter(torch.tensor(3.0))

    def forward(self, user: Tensor, tags: Tensor) -> tuple[Tensor, Tensor]:
        reasons = (self.tags(tags) * self.user(user).unsqueeze(1)).sum(2)
        return self.mean + reasons.sum(1), reasons


def ratings(count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Users, tags of films, stars without noise, and stars."""
    preferences = torch.randn(TASTES, TAGS + 1) * 0.4
    preferences[:, 0] = 0
    users = torch.rand(count, TASTES) * 2 - 1
    tags = torch.stack([torch.randperm(TAGS)[:SLOTS] + 1 for _ in range(count)])
    tags[torch.arange(SLOTS) > torch.randint(0, SLOTS, (count, 1))] = 0
    pure = 3 + (users @ preferences).gather(1, tags).sum(1)
    return users, tags, pure, pure + torch.randn(count) * NOISE


def train(users: Tensor, tags: Tensor, stars: Tensor) -> Recommender:
    model = Recommender()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(users)).split(BATCH):
            loss = nn.functional.mse_loss(model(users[rows], tags[rows])[0], stars[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    return model.eval()


def report(name: str, predicted: Tensor, stars: Tensor) -> None:
    explained = 1 - (predicted - stars).square().mean() / stars.var(correction=0)
    print(f"{name:<24} R2 {explained.item():.3f}")


def write_expected(users: Tensor, tags: Tensor) -> None:
    """Requests, each user with a film, and what PyTorch answers."""
    model = torch.jit.load(HERE / "model.pt")
    user = [[round(taste, 3) for taste in row] for row in users.tolist()]
    film = tags.tolist()
    with torch.no_grad():
        stars, reasons = (output.tolist() for output in model(torch.tensor(user), tags))
    rows = [{"user": user[i], "tags": film[i]} for i in range(len(user))]
    answers = [{"stars": stars[i], "reasons": reasons[i]} for i in range(len(user))]
    requests = {
        "request.json": (rows[0], answers[0]),
        "request_rows.json": ({"instances": rows}, {"predictions": answers}),
        "request_columns.json": (
            {"inputs": {"user": user, "tags": film}},
            {"outputs": {"stars": stars, "reasons": reasons}},
        ),
    }
    asked = []
    for name, (request, answer) in requests.items():
        (HERE / name).write_text(json.dumps(request) + "\n")
        asked.append({"request": name, "answer": answer})
    (HERE / "expected.json").write_text(json.dumps({"tolerance": 1e-5, "answers": asked}) + "\n")


def main() -> None:
    # One thread: the order of the sums, and so the weights, do not depend on the number of cores.
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    users, tags, pure, stars = ratings(RATINGS)
    known, held_out = slice(HELD_OUT, None), slice(HELD_OUT)
    model = train(users[known], tags[known], stars[known])
    with torch.no_grad():
        report("known ratings", model(users[known], tags[known])[0], stars[known])
        report("held-out ratings", model(users[held_out], tags[held_out])[0], stars[held_out])
    report("best possible, held out", pure[held_out], stars[held_out])
    save(model, HERE / "model.pt")
    write_expected(users[:3], tags[:3])


if __name__ == "__main__":
    main()
