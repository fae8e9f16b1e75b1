"""Makes goldens/logits.json.gz: what llama.cpp predicts at every token of texts/*.txt, with the model as it is in its file.

    python tests/parity/make-logits.py SmolLM2-135M-Instruct.Q4_1.gguf      (llama-cpp-python 0.3.36)

Per position it keeps the 64 likeliest tokens with their log probabilities, and the logarithm of what all others have together.
"""

import base64
import gzip
import hashlib
import json
import sys
from pathlib import Path

import llama_cpp
import numpy as np

HERE = Path(__file__).parent
KEPT = 64


def encode(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()


def predictions(model: llama_cpp.Llama, text: str) -> dict:
    ids = model.tokenize(text.encode(), add_bos=False, special=False)
    model.reset()
    model.eval(ids)
    logits = model.scores[: len(ids)].astype(np.float64)
    largest = logits.max(axis=1, keepdims=True)
    logprobs = logits - largest - np.log(np.exp(logits - largest).sum(axis=1, keepdims=True))
    order = np.argsort(-logprobs, axis=1, kind="stable")[:, :KEPT]
    kept = np.take_along_axis(logprobs, order, axis=1)
    tail = np.log(np.maximum(1 - np.exp(kept).sum(axis=1), 1e-7))
    return {
        "ids": ids,
        "topIds": encode(order.astype("<u2")),
        "topLogprobs": encode(kept.astype("<f2")),
        "tailLogprobs": encode(tail.astype("<f2")),
    }


def main(path: str) -> None:
    model = llama_cpp.Llama(path, n_ctx=1024, n_batch=1024, logits_all=True, n_threads=2, verbose=False)
    golden = {
        "model": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        "kept": KEPT,
        "texts": {file.stem: predictions(model, file.read_text()) for file in sorted((HERE / "texts").glob("*.txt"))},
    }
    (HERE / "goldens/logits.json.gz").write_bytes(gzip.compress(json.dumps(golden).encode(), 9, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
