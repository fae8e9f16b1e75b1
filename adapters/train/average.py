"""Averages trained adapters that share their first phase into one: `python average.py NAME --runs FOLDER`."""

import argparse
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from recipes import AVERAGES

ADAPTERS = Path(__file__).parent.parent / "qwen2.5-coder-0.5b-instruct"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(AVERAGES))
    parser.add_argument("--runs", type=Path, required=True, help="folder with one folder a training, as train.py --out writes them")
    arguments = parser.parse_args()
    weights = AVERAGES[arguments.name]
    states = [load_file(arguments.runs / run / "adapter_model.safetensors") for run in weights]
    shares = list(weights.values())
    mean = {
        name: sum(share * state[name].float() for share, state in zip(shares, states)).to(torch.float16).contiguous()
        for name in states[0]
    }

    out = ADAPTERS / arguments.name
    out.mkdir(parents=True, exist_ok=True)
    save_file(mean, out / "adapter_model.safetensors", metadata={"format": "pt"})
    trainings = {run: json.loads((arguments.runs / run / "training.json").read_text()) for run in weights}
    (out / "adapter_config.json").write_text((arguments.runs / next(iter(weights)) / "adapter_config.json").read_text())
    training = {
        "name": arguments.name,
        "base": next(iter(trainings.values()))["base"],
        "average_of": {run: {"share": share, **trainings[run]} for run, share in weights.items()},
        "adapter_sha256": hashlib.sha256((out / "adapter_model.safetensors").read_bytes()).hexdigest(),
    }
    (out / "training.json").write_text(json.dumps(training, indent=2) + "\n")


if __name__ == "__main__":
    main()
