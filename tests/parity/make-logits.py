"""Makes goldens/logits/MODEL.json.gz: what llama.cpp predicts at every token of texts/*.txt, with the model as it is in its file.

    python tests/parity/make-logits.py MODEL FILE.gguf      (what it runs on: llama_reference.py)

Per position it keeps the 32 likeliest tokens with their log probabilities, and the logarithm of what all others have together.
"""

import base64
import gzip
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from llama_reference import Model

HERE = Path(__file__).parent
KEPT = 32
POSITIONS = 1024


def encode(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()


def predictions(model: Model, text: str) -> dict:
    ids = model.tokenize(text, special=False)
    return kept_of(ids, model.logits(ids))


def kept_of(ids: list[int], rows: np.ndarray) -> dict:
    top_ids, top_logprobs, tails = [], [], []
    for row in rows:
        logits = row.astype(np.float64)
        normalizer = logits.max() + np.log(np.exp(logits - logits.max()).sum())
        likeliest = np.argpartition(-row, KEPT)[:KEPT]
        likeliest = likeliest[np.argsort(-row[likeliest], kind="stable")]
        kept = logits[likeliest] - normalizer
        top_ids.append(likeliest)
        top_logprobs.append(kept)
        tails.append(np.log(max(1 - np.exp(kept).sum(), 1e-7)))
    return {
        "ids": ids,
        "topIds": encode(np.array(top_ids, dtype="<u4")),
        "topLogprobs": encode(np.array(top_logprobs, dtype="<f2")),
        "tailLogprobs": encode(np.array(tails, dtype="<f2")),
    }


def golden(path: str) -> dict:
    model = Model(path, POSITIONS)
    return golden_of(path, {file.stem: predictions(model, file.read_text()) for file in sorted((HERE / "texts").glob("*.txt"))})


def golden_of(path: str, texts: dict) -> dict:
    return {"model": hashlib.sha256(Path(path).read_bytes()).hexdigest(), "kept": KEPT, "texts": texts}


def main(name: str, path: str) -> None:
    content = golden(path)
    target = HERE / "goldens/logits" / f"{name}.json.gz"
    target.write_bytes(gzip.compress(json.dumps(content).encode(), 9, mtime=0))
    print({text: len(values["ids"]) for text, values in content["texts"].items()})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
