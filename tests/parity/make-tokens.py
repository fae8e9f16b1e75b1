"""Makes goldens/tokens/MODEL.json.gz: llama.cpp's token ids of more than 2,000 varied strings.

    python tests/parity/make-tokens.py MODEL FILE.gguf [NFC]      (what it runs on: llama_reference.py)

Qwen's own tokenizer composes characters (NFC) before anything else, llama.cpp leaves that to its caller: it is given them composed.
"""

import gzip
import hashlib
import json
import random
import sys
import unicodedata
from pathlib import Path

from llama_reference import Model

HERE = Path(__file__).parent
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>", "<jupyter_code>", "<empty_output>"]
SPECIALS += ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|repo_name|>", "<|file_sep|>", "<tool_call>", "</tool_call>", "<|box_start|>"]
WHITESPACE = [" ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "\t\t", " \n", "\n ", "\u00a0", "\u2003", "\u3000", "\u200b", "\ufeff", "\v", "\f", "\u2028"]
WORDS = [
    "Hello", "world", "the", "I'm", "you're", "WE'LL", "it's", "don't", "naïve", "café", "Straße", "ÅNGSTRÖM", "Привет", "мир",
    "γειά", "שלום", "مرحبا", "नमस्ते", "สวัสดี", "你好", "世界", "こんにちは", "カタカナ", "안녕하세요", "e\u0301", "n\u0303o", "ﬁne", "Ⅷ", "½", "x²",
    "№5", "٣٤٥", "१२३", "３７", "🙂", "👩‍👩‍👧‍👦", "🇩🇪", "👍🏽", "…", "—", "‘quoted’", "“double”", "€5", "£1,234.56", "$0.99", "50%", "C++", "C#",
    "snake_case", "camelCase", "kebab-case", "SCREAMING", "foo.bar()", "a->b", "x::y", "#include", "@decorator", "https://example.com/a?b=c&d=1#e",
    "user@example.org", "127.0.0.1:8080", "2026-11-24T10:15:00Z", "0xDEADBEEF", "1e-9", "3.14159", "1_000_000", "v1.2.3", "[1]", "[2].", "(a)", "{b}",
    "<div>", "</div>", "&amp;", "\\n", "\\u00e9", "\"", "'", "`", "```ts", "***", "---", "===", "!=", "<=>", "|>", "??", "?.", "=>", "//", "/*", "*/", "\x00", "\x1b[31m",
]
BLOCKS = [
    (0x20, 0x7F), (0xA0, 0x180), (0x370, 0x400), (0x400, 0x500), (0x590, 0x600), (0x600, 0x700), (0x900, 0x980), (0xE00, 0xE80), (0x2000, 0x2070),
    (0x2190, 0x2200), (0x2200, 0x2300), (0x2460, 0x2500), (0x3040, 0x3100), (0x4E00, 0x9FFF), (0xAC00, 0xD7A0), (0xFF00, 0xFFEF), (0x1D400, 0x1D7FF), (0x1F300, 0x1F650),
]  # fmt: skip


def strings() -> list[str]:
    rng = random.Random(20261124)
    texts = [file.read_text() for file in sorted((HERE / "texts").glob("*.txt"))]
    found = [*SPECIALS, *WHITESPACE, *WORDS, ""]
    found += [line for text in texts for line in text.split("\n")]
    found += [w + d for w in WHITESPACE for d in ("1", "23", "456", "x", "X1", "<|im_end|>")]
    for _ in range(500):  # pieces of real text, cut anywhere
        text = rng.choice(texts)
        start = rng.randrange(len(text))
        found.append(text[start : start + rng.randrange(1, 120)])
    for _ in range(500):  # words of all scripts with all sorts of space between them
        found.append("".join(rng.choice(WORDS) + rng.choice(WHITESPACE + [""]) for _ in range(rng.randrange(1, 8))))
    for _ in range(250):  # numbers
        found.append("".join(rng.choice("0123456789 .,-+%eE\n") for _ in range(rng.randrange(1, 24))))
    for _ in range(250):  # whitespace in any order, around letters
        found.append("".join(rng.choice([*WHITESPACE, "a", "B", "7", "."]) for _ in range(rng.randrange(1, 12))))
    for _ in range(300):  # random characters of one block
        low, high = rng.choice(BLOCKS)
        found.append("".join(chr(rng.randrange(low, high)) for _ in range(rng.randrange(1, 16))))
    for _ in range(250):  # chats, well formed and not
        parts = [*SPECIALS, "<|im_start|>user\n", "<|im_end|>\n", "<|im_", "im_end|>", "<|im_\u200bend|>", *WORDS]
        found.append("".join(rng.choice(parts) for _ in range(rng.randrange(2, 8))))
    return list(dict.fromkeys(found))


def main(name: str, path: str, form: str | None = None) -> None:
    model = Model(path)
    composed = (lambda text: unicodedata.normalize(form, text)) if form else (lambda text: text)
    golden = {
        "model": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        "cases": [[text, model.tokenize(composed(text), special=True)] for text in strings()],
    }
    content = json.dumps(golden, ensure_ascii=False, separators=(",", ":")).encode()
    (HERE / "goldens/tokens" / f"{name}.json.gz").write_bytes(gzip.compress(content, 9, mtime=0))
    print(len(golden["cases"]), "strings")


if __name__ == "__main__":
    main(*sys.argv[1:])
