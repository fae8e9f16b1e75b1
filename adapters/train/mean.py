"""The mean of two adapters of one lineage: `python mean.py FOLDER FOLDER [--share S] --out FOLDER`, each as train.py or this wrote it.

S is what the second one counts, from 0 to 1 (default: half). A and B are averaged apart, which is the mean of their products only
where the two are close to each other.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from base_model import file_sha256

WEIGHTS = "adapter_model.safetensors"

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folders", type=Path, nargs=2)
parser.add_argument("--share", type=float, default=0.5)
parser.add_argument("--out", type=Path, required=True)
arguments = parser.parse_args()

first, second = (load_file(folder / WEIGHTS) for folder in arguments.folders)
arguments.out.mkdir(parents=True, exist_ok=True)
shares = (1 - arguments.share, arguments.share)
mean = {name: (shares[0] * value.float() + shares[1] * second[name].float()).to(torch.float16).contiguous() for name, value in first.items()}
save_file(mean, arguments.out / WEIGHTS, metadata={"format": "pt"})
shutil.copyfile(arguments.folders[0] / "adapter_config.json", arguments.out / "adapter_config.json")
parts = [{"share": share, **json.loads((folder / "training.json").read_text())} for share, folder in zip(shares, arguments.folders)]
training = {
    "name": arguments.out.name,
    "base": parts[0]["base"],
    "adapter_sha256": file_sha256(arguments.out / WEIGHTS),
    "mean_of": parts,
}
(arguments.out / "training.json").write_text(json.dumps(training, indent=2) + "\n")
