"""Makes goldens/templates/MODEL.json.gz: the chat template in a GGUF file rendered by Jinja's own library, as transformers sets it up.

    python tests/parity/make-templates.py MODEL FILE.gguf      (gguf 0.19, transformers 5.23)

Chats of one to seven turns, with and without instructions, tools, calls and their results.
"""

import gzip
import json
import random
import sys
from pathlib import Path

from gguf import GGUFReader
from transformers.utils.chat_template_utils import render_jinja_template

HERE = Path(__file__).parent
CHATS = 400
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"Looks up {name}: <, > & 'quotes', ünïcode.",
            "parameters": {"type": "object", "properties": {"q": {"type": "string"}, "n": {"type": "integer"}}, "required": ["q"]},
        },
    }
    for name in ("search_documents", "get_rate")
]


def chat(rng: random.Random, pieces: list[str]) -> dict:
    text = lambda: "\n".join(rng.choice(pieces) for _ in range(rng.randrange(1, 4)))  # noqa: E731
    tools = TOOLS[: rng.randrange(1, 3)] if rng.random() < 0.4 else None
    messages = [{"role": "system", "content": text()}] if rng.random() < 0.6 else []
    for _ in range(rng.randrange(0, 3)):
        messages.append({"role": "user", "content": text()})
        if tools and rng.random() < 0.5:
            call = {"type": "function", "function": {"name": "get_rate", "arguments": {"q": rng.choice(pieces), "n": 3}}}
            messages.append({"role": "assistant", "content": rng.choice(["", text()]), "tool_calls": [call]})
            messages.append({"role": "tool", "content": text()})
        messages.append({"role": "assistant", "content": text()})
    messages.append({"role": "user", "content": text()})
    return {"messages": messages, "tools": tools}


def main(name: str, path: str) -> None:
    reader = GGUFReader(path)
    template = reader.fields["tokenizer.chat_template"].contents()
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    special = {
        f"{kind}_token": tokens[reader.fields[f"tokenizer.ggml.{kind}_token_id"].contents()] for kind in ("bos", "eos")
    }
    rng = random.Random(20261126)
    pieces = [line for file in sorted((HERE / "texts").glob("*.txt")) for line in file.read_text().split("\n") if line]
    pieces += ["<|im_start|>", "é", "  spaces  ", "{{ braces }}", "{% block %}", "\ttab", "'single' \"double\"", "1 < 2 & 3"]
    cases = []
    for _ in range(CHATS):
        case = chat(rng, pieces)
        rendered, _ = render_jinja_template(
            conversations=[case["messages"]], tools=case["tools"], chat_template=template, add_generation_prompt=True, **special
        )
        cases.append({**case, "text": rendered[0]})
    content = json.dumps(cases, ensure_ascii=False, separators=(",", ":")).encode()
    (HERE / "goldens/templates" / f"{name}.json.gz").write_bytes(gzip.compress(content, 9, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
