"""Makes goldens/adapters.json.gz: logits of PEFT adapters over the base as it is in its file, in float32.

    python tests/parity/make-adapter-logits.py SmolLM2-135M-Instruct.Q4_1.gguf     (torch 2.15, transformers 5.23, peft 0.21)

The adapters' weights come from a formula that adapters.test.ts has too, so that none needs to be stored. Of each position it
keeps every 32nd logit.
"""

import base64
import gzip
import json
import sys
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "adapters/train"))
from base_model import file_sha256, load_model, load_tokenizer  # noqa: E402

PROMPT = (
    "<|im_start|>user\nWhat does an early repayment of the mortgage cost?<|im_end|>\n<|im_start|>assistant\n"
    "The early repayment fee is 1.5 % of the outstanding amount [2]."
)
STRIDE = 32
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
CASES = {
    "all targets": {"r": 4, "lora_alpha": 8, "target_modules": ALL},
    "a subset, rank-stabilised, with patterns": {
        "r": 4,
        "lora_alpha": 6,
        "use_rslora": True,
        "target_modules": ["q_proj", "v_proj", "up_proj", "down_proj"],
        "rank_pattern": {"down_proj": 2, r"layers\.(0|1|29)\.self_attn\.q_proj": 6, "q_proj": 3},
        "alpha_pattern": {r".*\.2\d\.mlp\.up_proj": 2, "v_proj": 12},
    },
}
DTYPES = {"all targets": "float32", "a subset, rank-stabilised, with patterns": "bfloat16"}


def fill(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """Values in [-0.5, 0.5) / sqrt(columns): the top 16 bits of a multiplicative hash of the element's index."""
    index = np.arange(np.prod(shape), dtype=np.uint64)
    hashed = ((index + 1) * np.uint64(2654435761) + np.uint64(seed) * np.uint64(40503)) & np.uint64(0xFFFFFFFF)
    hashed = ((hashed ^ (hashed >> np.uint64(15))) * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    values = (hashed >> np.uint64(16)).astype(np.float64) / 65536 - 0.5
    return torch.from_numpy((values / np.sqrt(shape[-1])).astype(np.float32).reshape(shape))


def golden(path: Path, ids: list[int], name: str) -> dict:
    model = load_model(path, torch.float32)
    inputs = torch.tensor([ids])
    with torch.no_grad():
        base = model(inputs).logits[0]
        adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **CASES[name]))
        tensors = sorted(key for key in adapted.state_dict() if ".lora_" in key)
        for seed, key in enumerate(tensors):
            parameter = adapted.get_parameter(key)
            values = fill(tuple(parameter.shape), seed).to(getattr(torch, DTYPES[name]))
            parameter.copy_(values.float())
        logits = adapted(inputs).logits[0]
    effect = (logits - base).pow(2).mean().sqrt() / base.pow(2).mean().sqrt()
    print(f"{name}: the adapter moves the logits by {effect:.3f} of their size")
    shapes = {key.replace(".default", ""): list(adapted.get_parameter(key).shape) for key in tensors}
    kept = logits[:, ::STRIDE].numpy().astype("<f2")
    return {"config": CASES[name], "dtype": DTYPES[name], "shapes": shapes, "logits": base64.b64encode(kept.tobytes()).decode()}


def main(path: Path) -> None:
    torch.set_num_threads(1)
    ids = load_tokenizer(path).encode(PROMPT).ids
    cases = {name: golden(path, ids, name) for name in CASES}
    content = {"model": file_sha256(path), "ids": ids, "stride": STRIDE, "cases": cases}
    (HERE / "goldens/adapters.json.gz").write_bytes(gzip.compress(json.dumps(content).encode(), 9, mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
