"""Writes a version that is deliberately worse, to see it rolled back: `python3 adapters/train/worse.py BASE`.

Rank 1 over the attention's outputs, drawn at random: it disturbs every layer, so that the words come apart. Needs nothing but Python;
the shapes are those of the bank's first version. Equal seeds give equal bytes.
"""

import json
import pathlib
import random
import struct
import sys

RANK_FROM, NAME = "northwind-bank-1", "northwind-bank-3"
TARGET = "o_proj"
STRENGTH = 0.6


def main(base: str) -> None:
    folder = pathlib.Path(__file__).parent.parent / base
    draw = random.Random(3)
    tensors, data = {}, bytearray()
    for name, shape in shapes(folder / RANK_FROM / "adapter_model.safetensors"):
        shape = [1 if size == 8 else size for size in shape]
        values = [draw.gauss(0, STRENGTH) / max(shape) ** 0.5 for _ in range(max(shape))]
        start = len(data)
        data += struct.pack(f"<{len(values)}e", *values)
        tensors[name] = {"dtype": "F16", "shape": shape, "data_offsets": [start, len(data)]}
    header = json.dumps(tensors, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    out = folder / NAME
    out.mkdir(exist_ok=True)
    (out / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + data)
    config = json.loads((folder / RANK_FROM / "adapter_config.json").read_text())
    config |= {"r": 1, "lora_alpha": 32, "target_modules": [TARGET]}
    (out / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")


def shapes(file: pathlib.Path):
    with file.open("rb") as opened:
        header = json.loads(opened.read(struct.unpack("<Q", opened.read(8))[0]))
    return [(name, header[name]["shape"]) for name in sorted(header) if TARGET in name]


main(sys.argv[1])
