"""The mean of two adapters of one lineage: `python mean.py FOLDER FOLDER --out FOLDER`, each as train.py wrote it.

A and B are averaged apart, which is the mean of their products only where the two are close to each other.
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
parser.add_argument("--out", type=Path, required=True)
arguments = parser.parse_args()

first, second = (load_file(folder / WEIGHTS) for folder in arguments.folders)
arguments.out.mkdir(parents=True, exist_ok=True)
mean = {name: ((value.float() + second[name].float()) / 2).to(torch.float16).contiguous() for name, value in first.items()}
save_file(mean, arguments.out / WEIGHTS, metadata={"format": "pt"})
shutil.copyfile(arguments.folders[0] / "adapter_config.json", arguments.out / "adapter_config.json")
training = {
    "name": arguments.out.name,
    "base": json.loads((arguments.folders[0] / "training.json").read_text())["base"],
    "mean_of_sha256": [file_sha256(folder / WEIGHTS) for folder in arguments.folders],
    "adapter_sha256": file_sha256(arguments.out / WEIGHTS),
}
(arguments.out / "training.json").write_text(json.dumps(training, indent=2) + "\n")
