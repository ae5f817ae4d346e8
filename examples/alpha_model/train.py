"""Trains AlphaModel and writes it as TorchScript.

The market is made up: nothing here was observed anywhere. The 64 alpha factors of each row are
independent standard-normal numbers, and the return that follows them is a fixed nonlinear function
of 40 of them plus about as much noise, so that no model can explain much more than half of its
variance. All of it comes from one fixed seed. The script needs only PyTorch and takes some seconds
on one CPU core.

    python train.py            train, then write model.pt, request.json and expected.json
    python train.py --check    run model.pt again and compare with expected.json, without training
"""

import argparse
import io
import json
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn

HERE = Path(__file__).parent
FACTORS = 64
SEED = 20

TRAIN_ROWS = 131_072
VALIDATION_ROWS = 16_384
EPOCHS = 5
BATCH = 512

# Relative tolerance of --check: another CPU may sum in another order.
TOLERANCE = 1e-4


class AlphaModel(nn.Module):
    """Predicts the next return of n rows from their factors: [n, 64] to [n, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(FACTORS, 256),
            nn.ReLU(),
            nn.Linear(256, 256),
            nn.ReLU(),
            nn.Linear(256, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)


def make_market(rows: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Factors [rows, 64], the predictable part of the return [rows, 1], and the return itself."""
    factors = torch.randn(rows, FACTORS, generator=generator)
    linear = factors[:, 0:16] @ torch.linspace(-0.25, 0.25, 16)
    saturating = 0.25 * torch.tanh(2 * factors[:, 16:24]).sum(1)
    interacting = 0.2 * (factors[:, 24:32] * factors[:, 32:40]).sum(1)
    signal = (linear + saturating + interacting).unsqueeze(1)
    # The three terms have variances of about 0.38, 0.33 and 0.32, the noise has 1.
    return_ = signal + torch.randn(rows, 1, generator=generator)
    return factors, signal, return_


def information_coefficient(prediction: Tensor, return_: Tensor) -> float:
    """Correlation between what was predicted and what came."""
    return torch.corrcoef(torch.stack([prediction.flatten(), return_.flatten()]))[0, 1].item()


def r_squared(prediction: Tensor, return_: Tensor) -> float:
    """Share of the variance of the return that the prediction explains."""
    return (1 - (return_ - prediction).square().mean() / return_.var(correction=0)).item()


def report(name: str, prediction: Tensor, return_: Tensor) -> None:
    ic = information_coefficient(prediction, return_)
    print(f"{name:<22} R2 {r_squared(prediction, return_):.3f}  IC {ic:.3f}")


def train() -> AlphaModel:
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    factors, _, return_ = make_market(TRAIN_ROWS, generator)
    unseen_factors, unseen_signal, unseen_return = make_market(VALIDATION_ROWS, generator)

    model = AlphaModel()
    steps = EPOCHS * (TRAIN_ROWS // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(TRAIN_ROWS).split(BATCH):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(factors[rows]), return_[rows]).backward()
            optimizer.step()
            schedule.step()

    model.eval()
    with torch.no_grad():
        report("train", model(factors), return_)
        report("validation", model(unseen_factors), unseen_return)
    report("best possible", unseen_signal, unseen_return)
    return model


def save(model: AlphaModel, path: Path) -> None:
    """torch.jit.save without the debug records and the id.

    They only serve to name source lines in error messages, by absolute paths of the machine that
    trained. The id is a hash of all records, so it would vary with those paths.
    """
    left_out = (".debug_pkl", ".data/serialization_id")
    saved = io.BytesIO()
    torch.jit.save(torch.jit.script(model), saved)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(path, "w") as target:
        for record in source.infolist():
            if not record.filename.endswith(left_out):
                target.writestr(record, source.read(record))


def predict(requests: list[list[float]]) -> list[list[float]]:
    """What PyTorch answers with the saved model, each float32 as the Python float it equals."""
    model = torch.jit.load(HERE / "model.pt").eval()
    with torch.no_grad():
        return model(torch.tensor(requests)).tolist()


def write_expectations() -> None:
    factors = torch.randn(8, FACTORS, generator=torch.Generator().manual_seed(SEED + 1))
    requests = [[round(value, 6) for value in row] for row in factors.tolist()]
    expected = {"requests": requests, "predictions": predict(requests)}
    (HERE / "request.json").write_text(json.dumps({"features": requests[0]}) + "\n")
    (HERE / "expected.json").write_text(json.dumps(expected) + "\n")


def check() -> None:
    request = json.loads((HERE / "request.json").read_text())
    expected = json.loads((HERE / "expected.json").read_text())
    if request["features"] != expected["requests"][0]:
        raise SystemExit("request.json is not the first row of expected.json")
    ours = torch.tensor(predict(expected["requests"]))
    theirs = torch.tensor(expected["predictions"])
    difference = (ours - theirs).abs().max().item()
    if not torch.allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE / 10):
        raise SystemExit(f"model.pt differs from expected.json by up to {difference:.3g}")
    print(f"{len(ours)} predictions agree with expected.json, largest difference {difference:.3g}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train AlphaModel and write it as TorchScript.")
    parser.add_argument("--check", action="store_true", help="compare model.pt with expected.json")
    arguments = parser.parse_args()
    # One thread: the order of the sums, and so the weights, do not depend on the number of cores.
    torch.set_num_threads(1)
    if not arguments.check:
        save(train(), HERE / "model.pt")
        write_expectations()
    check()


if __name__ == "__main__":
    main()
