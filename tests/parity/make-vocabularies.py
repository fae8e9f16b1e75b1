"""Makes goldens/vocabularies.json.gz: llama.cpp's token ids of more than 2,000 varied strings, for every kind of tokenizer in GGUF
files, over two small vocabularies made of those strings.

    python tests/parity/make-vocabularies.py      (gguf 0.19; what else it runs on: llama_reference.py)

Byte pairs are learnt without cutting the strings into words first, so that every cut that a pre-tokenizer makes shows in the ids.
"""

import gzip
import json
import re
import tempfile
import unicodedata
from collections import Counter, defaultdict
from importlib import import_module
from pathlib import Path

import gguf
from llama_reference import Model

HERE = Path(__file__).parent
BYTE_LEVEL = [
    *("gpt-2", "smollm", "llama-bpe", "qwen2", "deepseek-r1-qwen", "default"),
    *("tekken", "deepseek-llm", "deepseek-coder", "deepseek-v3"),
]
MERGES = 900
CONTROL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "[INST]", "[/INST]"]
DEFINED = ["<tool_call>", "</tool_call>", "<repo_name>", "\n\n", "  "]
UNKNOWN = "<unk>"
BLANK = "\u2581"


def stand_ins() -> list[str]:
    """GPT-2's printable characters for the 256 bytes."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def learn(texts: list[list[str]], count: int) -> list[tuple[str, str]]:
    """The pairs of neighbours that occur most, one after the other (Sennrich et al., 2016)."""
    texts = [list(text) for text in texts]
    counts: Counter[tuple[str, str]] = Counter()
    where: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for i, text in enumerate(texts):
        for pair in zip(text, text[1:]):
            counts[pair] += 1
            where[pair].add(i)
    merges = []
    while len(merges) < count:
        left, right = max(counts, key=lambda pair: (counts[pair], pair))
        merges.append((left, right))
        for i in list(where[left, right]):
            old, new = texts[i], []
            while old:
                joined = len(old) > 1 and old[0] == left and old[1] == right
                new.append(left + right if joined else old[0])
                old = old[2:] if joined else old[1:]
            for pair in zip(texts[i], texts[i][1:]):
                counts[pair] -= 1
                where[pair].discard(i)
            for pair in zip(new, new[1:]):
                counts[pair] += 1
                where[pair].add(i)
            texts[i] = new
    return merges


def byte_level(texts: list[str]) -> dict:
    letters = stand_ins()
    merges = learn([[letters[byte] for byte in text.encode()] for text in texts], MERGES)
    plain = list(dict.fromkeys([*letters, *(left + right for left, right in merges)]))
    types = [1] * len(plain) + [3] * len(CONTROL) + [4] * len(DEFINED)
    return {"tokens": [*plain, *CONTROL, *DEFINED], "types": types, "merges": [f"{left} {right}" for left, right in merges]}


def sentencepiece(texts: list[str]) -> dict:
    merges = learn([list(BLANK + text.replace(" ", BLANK)) for text in texts], MERGES)
    pieces = dict.fromkeys(left + right for left, right in merges)
    frequent = [letter for letter, n in Counter("".join(texts).replace(" ", BLANK)).items() if n > 4 and letter != "\0"]
    learnt = [piece for piece in [*pieces, *frequent] if piece not in DEFINED]
    tokens = [UNKNOWN, *CONTROL, *(f"<0x{byte:02X}>" for byte in range(256)), *DEFINED, *learnt]
    types = [2] + [3] * len(CONTROL) + [6] * 256 + [4] * len(DEFINED) + [1] * len(learnt)
    special = len(tokens) - len(learnt)
    return {"tokens": tokens, "types": types, "scores": [0] * special + [-i for i in range(len(learnt))]}


def model(folder: str, kind: str, vocabulary: dict) -> Model:
    path = f"{folder}/{kind}.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("llama" if kind == "spm" else "gpt2")
    if kind != "spm":
        writer.add_tokenizer_pre(kind)
        writer.add_token_merges(vocabulary["merges"])
    else:
        writer.add_token_scores([float(score) for score in vocabulary["scores"]])
    writer.add_token_list(vocabulary["tokens"])
    writer.add_token_types(vocabulary["types"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return Model(path)


def main() -> None:
    source = import_module("make-tokens")
    texts = source.strings()
    # No token may be learnt that is special as well, or that llama.cpp takes for special by its name.
    special = "|".join(map(re.escape, [*CONTROL, *DEFINED[:3], UNKNOWN, *source.SPECIALS]))
    plain = [re.sub(special, "|", text) for text in texts]
    vocabularies = {"bytes": byte_level(plain), "spm": sentencepiece(plain)}
    ids = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in [*BYTE_LEVEL, "spm"]:
            reference = model(folder, kind, vocabularies["spm" if kind == "spm" else "bytes"])
            # Qwen's own tokenizer composes characters, llama.cpp leaves that to its caller.
            composed = [unicodedata.normalize("NFC", text) if kind == "qwen2" else text for text in texts]
            ids[kind] = [reference.tokenize(text, special=True) for text in composed]
    # Where the words are cut alike, so are the ids: those of gpt-2 are not repeated.
    base = ids["gpt-2"]
    for kind in BYTE_LEVEL[1:]:
        ids[kind] = [None if own == usual else own for own, usual in zip(ids[kind], base)]
        print(kind, sum(own is not None for own in ids[kind]), "differ from gpt-2")
    content = json.dumps({"vocabularies": vocabularies, "texts": texts, "ids": ids}, ensure_ascii=False, separators=(",", ":")).encode()
    (HERE / "goldens/vocabularies.json.gz").write_bytes(gzip.compress(content, 9, mtime=0))
    print(len(texts), "strings")


if __name__ == "__main__":
    main()
