"""Makes goldens/embeddings.json.gz: sentence embeddings of 500 varied texts by bge-small-en-v1.5 in float32.

    python tests/parity/make-embeddings.py FOLDER      (torch 2.15, transformers 5.23, onnx 1.20; FOLDER holds model.onnx)

The weights are those of the file, 8-bit integers with a scale an output, multiplied out. First token, normalised; no text is longer than 256 tokens. Each vector is kept as int8 steps of 1/127 of its largest component, which
costs less than 1e-4 of cosine.
"""

import base64
import gzip
import hashlib
import json
import random
import re
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from transformers import AutoTokenizer, BertConfig, BertModel

HERE = Path(__file__).parent
COUNT = 500
MAX_TOKENS = 256
ODD = [
    "a", "?", "42", "OK", "🙂🙂🙂", "你好，世界。今天天气很好。", "Привет, как дела?", "مرحبا بالعالم", "Où est la bibliothèque ?", "naïve café Ångström", "e\u0301 vs é",
    "   leading and trailing   ", "line one\nline two\n\nline four", "\t\ttabs", "AAAAAAAA" * 20, "word " * 100, "1234567890" * 30, "<div class=\"a\">x</div>", "[CLS] [SEP] [MASK]",
    "Zahlung bis 31.12.2026 über 1.234,56 €", "¿Cuánto cuesta una transferencia internacional?", "日本語のテキストをここに書きます。", "한국어 문장입니다.", "x = y ** 2 + 3 * z", "rm -rf ./build && make -j2",
]  # fmt: skip
QUESTIONS = [
    "What is the {0} for a {1}?", "How do I {2} my {1}?", "Can I {2} a {1} after {3}?", "Why was my {1} declined on {3}?", "Is there a {0} when I {2} the {1} abroad?",
    "Tell me the {0} of the {1} that I opened on {3}.", "The {0} of a {1} is {4} and is due on {3}.", "Customers may {2} a {1} within {4} days; the {0} does not apply.",
]  # fmt: skip
FILL = [
    ["fee", "interest rate", "credit limit", "notice period", "exchange rate", "minimum balance", "penalty"],
    ["savings account", "mortgage", "debit card", "credit card", "standing order", "student loan", "joint account"],
    ["close", "freeze", "transfer", "repay", "cancel", "renew", "dispute"],
    ["1 March 2025", "the first year", "30 June", "the due date", "Christmas Eve", "2026-11-24"],
    ["3", "14", "30", "€250", "1.5 %", "two thousand"],
]


def texts() -> list[str]:
    rng = random.Random(20261124)
    sources = [file.read_text() for file in sorted((HERE / "texts").glob("*.txt"))]
    found = list(ODD)
    for source in sources:
        found += [part.strip() for part in re.split(r"\n\n|(?<=[.;?!]) ", source) if part.strip()]
    while len(set(found)) < COUNT:
        if rng.random() < 0.6:
            found.append(rng.choice(QUESTIONS).format(*(rng.choice(values) for values in FILL)))
        else:
            words = rng.choice(sources).split()
            start = rng.randrange(len(words) - 5)
            found.append(" ".join(words[start : start + rng.randrange(3, 70)]))
    return list(dict.fromkeys(found))[:COUNT]


def load(folder: str) -> BertModel:
    graph = onnx.load(Path(folder) / "model.onnx").graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = {node.name: node for node in graph.node}
    model = BertModel(BertConfig(**json.loads((Path(folder) / "config.json").read_text())), add_pooling_layer=False).eval()

    def multiplied_out(name: str) -> np.ndarray:
        codes, scale, zero = (tensors[f"{name}_{part}"] for part in ("quantized", "scale", "zero_point"))
        return (codes.astype(np.float32) - zero.astype(np.float32)) * scale

    def weights(name: str) -> np.ndarray:
        path = re.sub(r"layer/(\d)", r"layer.\1", name.removesuffix(".weight").replace(".", "/"))
        product = nodes.get(f"/{path}/MatMul_quant")
        if product:
            return multiplied_out(product.input[1].removesuffix("_quantized")).T.copy()
        return tensors[name] if name in tensors else multiplied_out(name)

    model.load_state_dict({name: torch.tensor(weights(name)) for name in model.state_dict()})
    return model


def main(folder: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.set_num_threads(1)
    model = load(folder)
    cases = []
    for text in texts():
        encoded = tokenizer(text, return_tensors="pt")
        assert encoded.input_ids.shape[1] <= MAX_TOKENS, text
        with torch.no_grad():
            vector = model(**encoded).last_hidden_state[0, 0].numpy()
        steps = np.round(vector / np.abs(vector).max() * 127).astype(np.int8)
        cases.append([text, base64.b64encode(steps.tobytes()).decode()])
    golden = {"model": hashlib.sha256((Path(folder) / "model.onnx").read_bytes()).hexdigest(), "cases": cases}
    content = json.dumps(golden, ensure_ascii=False, separators=(",", ":")).encode()
    (HERE / "goldens/embeddings.json.gz").write_bytes(gzip.compress(content, 9, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
