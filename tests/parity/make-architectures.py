"""Makes goldens/architectures.json.gz: logits of tiny models of every supported architecture by transformers, in float32.

    python tests/parity/make-architectures.py      (torch 2.15, transformers 5.23)

Weights come from a formula that tiny-weights.ts has too. They are whole steps of 1/512, with the largest step in every block of
32, so that rounding them to 8 bits loses nothing.
"""

import base64
import gzip
import json
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

HERE = Path(__file__).parent
TOKENS = 48
SHAPE = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 96,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": False,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
}
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 1000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
YARN_ROPE = {
    "rope_type": "yarn",
    "rope_theta": 1000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 32,
}
# The kinds of layers that GGUF files do not list: of four one rotates nothing, of six five see a window.
GEMMA = {
    "num_hidden_layers": 6,
    "head_dim": 32,
    "query_pre_attn_scalar": 32,
    "sliding_window": 20,
    "layer_types": ["sliding_attention"] * 5 + ["full_attention"],
    "hidden_activation": "gelu_pytorch_tanh",
    "tie_word_embeddings": True,
    "rope_parameters": {
        "full_attention": {"rope_type": "default", "rope_theta": 1000000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
    },
}
CASES = {
    "llama, tied": ("llama", {"tie_word_embeddings": True}),
    "llama, untied, llama3 rope": ("llama", {"rope_parameters": LLAMA3_ROPE}),
    "mistral, wide heads": ("mistral", {"head_dim": 32, "sliding_window": None}),
    "qwen2, biases, tied": ("qwen2", {"tie_word_embeddings": True, "num_attention_heads": 4}),
    "qwen3, query and key norms, linear rope": (
        "qwen3",
        {"head_dim": 32, "rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0}},
    ),
    "qwen2, yarn rope": ("qwen2", {"rope_parameters": YARN_ROPE}),
    "smollm3, a layer that rotates nothing": ("smollm3", {"num_hidden_layers": 4, "no_rope_layers": [1, 1, 1, 0]}),
    "gemma3, windows and norms": ("gemma3_text", GEMMA),
}


def steps(size: int, seed: int) -> np.ndarray:
    """Whole numbers from -127 to 127: a multiplicative hash of the element's index; 127 at the start of every block."""
    index = np.arange(size, dtype=np.uint64)
    hashed = ((index + 1) * np.uint64(2654435761) + np.uint64(seed) * np.uint64(40503)) & np.uint64(0xFFFFFFFF)
    hashed = ((hashed ^ (hashed >> np.uint64(15))) * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    values = (hashed >> np.uint64(16)).astype(np.int64) % 255 - 127
    values[::32] = 127
    return values.astype(np.float32)


def main() -> None:
    ids = [(7 * i * i + 3 * i + 1) % SHAPE["vocab_size"] for i in range(TOKENS)]
    cases = {}
    for name, (kind, changes) in CASES.items():
        config = CONFIG_MAPPING[kind](**{**SHAPE, **changes})
        config.pad_token_id = None
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
        parameters = dict(sorted(model.named_parameters()))
        shapes = {}
        with torch.no_grad():
            for seed, (key, parameter) in enumerate(parameters.items()):
                # Gemma stores what is added to one.
                offset = 1 if key.endswith("norm.weight") and kind != "gemma3_text" else 0
                values = torch.from_numpy(steps(parameter.numel(), seed) / 512).reshape(parameter.shape)
                parameter.copy_(values + offset)
                shapes[key] = list(parameter.shape)
            logits = model(torch.tensor([ids])).logits[0].numpy().astype("<f4")
        known = {key: value for key, value in config.to_dict().items() if key in SHAPE or key in changes}
        cases[name] = {
            "config": {"model_type": kind, "hidden_act": "silu", **known},
            "shapes": shapes,
            "logits": base64.b64encode(logits.tobytes()).decode(),
        }
    content = json.dumps({"ids": ids, "cases": cases}).encode()
    (HERE / "goldens/architectures.json.gz").write_bytes(gzip.compress(content, 9, mtime=0))


if __name__ == "__main__":
    main()
