"""Makes goldens/embeddings.json.gz: sentence embeddings of 500 varied texts by bge-small-en-v1.5-qa in float32.

    python tests/parity/make-embeddings.py FOLDER      (with adapters/train/requirements.txt; FOLDER holds model.onnx)

The weights are those of the file, 8-bit integers with a scale an output, multiplied out, and those of the adapter beside them, merged by PEFT. First token, normalised; no text is longer than 256 tokens. Each vector is kept as int8 steps of 1/127 of its largest component, which
costs less than 1e-4 of cosine.
"""

import base64
import gzip
import json
import random
import re
import sys
from pathlib import Path

import numpy as np
import torch
from peft import PeftModel
from transformers import AutoTokenizer

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "adapters" / "train"))
from base_model import file_sha256  # noqa: E402
from embedder import ADAPTER, WEIGHTS, load_base, weights_file  # noqa: E402

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


def main(folder: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.set_num_threads(1)
    base = weights_file(Path(folder))
    model = PeftModel.from_pretrained(load_base(Path(folder)), ADAPTER).merge_and_unload().eval()
    cases = []
    for text in texts():
        encoded = tokenizer(text, return_tensors="pt")
        assert encoded.input_ids.shape[1] <= MAX_TOKENS, text
        with torch.no_grad():
            vector = model(**encoded).last_hidden_state[0, 0].numpy()
        steps = np.round(vector / np.abs(vector).max() * 127).astype(np.int8)
        cases.append([text, base64.b64encode(steps.tobytes()).decode()])
    golden = {"model": [file_sha256(base), file_sha256(ADAPTER / WEIGHTS)], "cases": cases}
    content = json.dumps(golden, ensure_ascii=False, separators=(",", ":")).encode()
    (HERE / "goldens/embeddings.json.gz").write_bytes(gzip.compress(content, 9, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
