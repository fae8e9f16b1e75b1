"""Makes goldens/blocks.json.gz: what llama.cpp's own dequantization makes of random blocks of every type that is read here.

    python tests/parity/make-blocks.py      (what it runs on: llama_reference.py)
"""

import base64
import ctypes
import gzip
import json
from pathlib import Path

import numpy as np
from llama_reference import base_library

HERE = Path(__file__).parent
WEIGHTS = 2048
# ggml's number of the type, weights and bytes of a block, and where its half floats are: random ones would be absurd.
TYPES = {
    "Q4_0": (2, 32, 18, [0]),
    "Q4_1": (3, 32, 20, [0, 2]),
    "Q5_0": (6, 32, 22, [0]),
    "Q8_0": (8, 32, 34, [0]),
    "Q4_K": (12, 256, 144, [0, 2]),
    "Q5_K": (13, 256, 176, [0, 2]),
    "Q6_K": (14, 256, 210, [208]),
    "Q5_1": (7, 32, 24, [0, 2]),
    "Q2_K": (10, 256, 84, [80, 82]),
    "Q3_K": (11, 256, 110, [108]),
    "IQ4_NL": (20, 32, 18, [0]),
    "IQ4_XS": (23, 256, 136, [0]),
}


def main() -> None:
    ggml = base_library()
    rng = np.random.default_rng(20261126)
    golden = {}
    for name, (number, weights, size, halves) in TYPES.items():
        blocks = rng.integers(0, 256, (WEIGHTS // weights, size), dtype=np.uint8)
        for at in halves:
            scales = (rng.uniform(0.25, 1, len(blocks)) * rng.choice([-1, 1], len(blocks)) / 256).astype("<f2")
            blocks[:, at : at + 2] = scales.view(np.uint8).reshape(-1, 2)
        values = np.zeros(WEIGHTS, dtype="<f4")
        dequantize = getattr(ggml, f"dequantize_row_{name.lower().replace('_k', '_K')}")
        dequantize(blocks.ctypes.data_as(ctypes.c_void_p), values.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(WEIGHTS))
        golden[name] = {
            "type": number,
            "bytes": base64.b64encode(blocks.tobytes()).decode(),
            "values": base64.b64encode(values.tobytes()).decode(),
        }
    content = json.dumps(golden).encode()
    (HERE / "goldens/blocks.json.gz").write_bytes(gzip.compress(content, 9, mtime=0))


if __name__ == "__main__":
    main()
