"""Makes FOLDER/TYPE.gguf, a real model in each type of file that people have, FOLDER/TYPE.json.gz, what llama.cpp predicts with it, and
FOLDER/TYPE.float.json.gz, what it predicts from the same weights written as floats, so that no activation is rounded. `peer` there is
how far the first is from the second.

    python tests/parity/make-types.py FILE.gguf FOLDER [TYPE…]      (what it runs on: llama_reference.py; gguf 0.19)

`npm run bench -- types` compares them with ours. Blocks of 256 weights do not fit the 576 inputs of SmolLM2-135M: the model is made wider
with zeros first, three more heads and 192 more hidden values that stay zero, and computes what it computed.
"""

import gzip
import json
import math
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter
from gguf.quants import dequantize
from llama_reference import Model

HERE = Path(__file__).parent
POSITIONS = 1024
SUPER_BLOCK = 256
# llama.h's numbers of what llama-quantize makes.
TYPES = {
    "Q2_K": 10,
    "Q3_K_M": 12,
    "IQ4_XS": 30,
    "IQ4_NL": 25,
    "Q4_0": 2,
    "Q4_K_M": 15,
    "Q5_0": 8,
    "Q5_1": 9,
    "Q5_K_M": 17,
    "Q6_K": 18,
    "Q8_0": 7,
}


def padded(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.pad(values, [(0, wanted - length) for wanted, length in zip(shape, values.shape, strict=True)])


def widen(source: str, target: Path) -> None:
    reader = GGUFReader(source)
    fields = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    hidden, heads, groups = (fields[f"llama.{key}"] for key in ("embedding_length", "attention.head_count", "attention.head_count_kv"))
    size = hidden // heads
    wide = math.ceil(hidden / SUPER_BLOCK) * SUPER_BLOCK
    wide_heads = wide // size
    wide_groups = wide_heads * groups // heads
    share = hidden / wide  # of what a norm takes the mean of
    changed = {
        "llama.embedding_length": wide,
        "llama.attention.head_count": wide_heads,
        "llama.attention.head_count_kv": wide_groups,
        "llama.attention.layer_norm_rms_epsilon": fields["llama.attention.layer_norm_rms_epsilon"] * share,
        "general.file_type": 0,
    }
    writer = GGUFWriter(target, "llama")
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.quantization_version"):
            continue
        kind = field.types[0]
        writer.add_key_value(name, changed.get(name, fields[name]), kind, field.types[-1] if kind == GGUFValueType.ARRAY else None)
    width = {hidden: wide, groups * size: wide_groups * size}
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if tensor.name.endswith("norm.weight"):
            values = values * math.sqrt(share)
        if tensor.name.startswith("token_embd"):
            shape = (values.shape[0], wide)
        else:
            shape = tuple(width.get(length, length) for length in values.shape)
        writer.add_tensor(tensor.name, padded(values, shape), raw_dtype=GGMLQuantizationType.F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def quantize(model: Model, source: Path, target: Path, number: int) -> None:
    parameters = model.lib.llama_model_quantize_default_params()
    parameters.ftype = number
    parameters.nthread = 2
    chosen = model.ffi.new("llama_model_quantize_params *", parameters)
    if model.lib.llama_model_quantize(str(source).encode(), str(target).encode(), chosen) != 0:
        raise RuntimeError(f"{target.name} could not be made")


def dequantize_file(source: Path, target: Path) -> None:
    """The same weights as floats."""
    reader = GGUFReader(source)
    writer = GGUFWriter(target, "llama")
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        kind = field.types[0]
        value = 0 if name == "general.file_type" else field.contents()
        writer.add_key_value(name, value, kind, field.types[-1] if kind == GGUFValueType.ARRAY else None)
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        writer.add_tensor(tensor.name, values, raw_dtype=GGMLQuantizationType.F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max()
    return shifted - np.log(np.exp(shifted).sum())


def compare(source: Path, floats: Path) -> tuple[dict, dict]:
    """What is predicted from both, as make-logits.py keeps it, and how far the first is from the second: mean KL(float || as it is) over the
    whole vocabulary, and how often the likeliest token is the same."""
    logits = import_module("make-logits")
    models = [Model(str(path), POSITIONS) for path in (source, floats)]
    tokens, divergence, agreed = 0, 0.0, 0
    texts: tuple[dict, dict] = ({}, {})
    for file in sorted((HERE / "texts").glob("*.txt")):
        ids = models[0].tokenize(file.read_text(), special=False)
        both = [model.logits(ids) for model in models]
        for kept, rows in zip(texts, both, strict=True):
            kept[file.stem] = logits.kept_of(ids, rows)
        for row, float_row in zip(*both, strict=True):
            expected = log_softmax(float_row)
            divergence += float(np.exp(expected) @ (expected - log_softmax(row)))
            agreed += int(row.argmax() == float_row.argmax())
            tokens += 1
    for model in models:
        model.close()
    peer = {"tokens": tokens, "meanKl": divergence / tokens, "agreed": agreed / tokens}
    return logits.golden_of(str(source), texts[0]), {**logits.golden_of(str(floats), texts[1]), "peer": peer}


def store(path: Path, content: dict) -> None:
    path.write_bytes(gzip.compress(json.dumps(content).encode(), 6, mtime=0))


def main(source: str, folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wide = folder / "F32.gguf"
    if not wide.exists():
        widen(source, wide)
    vocabulary = Model(str(wide))
    for name in names or TYPES:
        target, floats = folder / f"{name}.gguf", folder / "float.gguf"
        if not target.exists():
            quantize(vocabulary, wide, target, TYPES[name])
        dequantize_file(target, floats)
        as_it_is, as_floats = compare(target, floats)
        store(folder / f"{name}.json.gz", as_it_is)
        store(folder / f"{name}.float.json.gz", as_floats)
        floats.unlink()
        print(name, target.stat().st_size, as_floats["peer"], flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
