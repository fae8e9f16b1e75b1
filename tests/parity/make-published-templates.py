"""Makes goldens/published-templates.json.gz: chats rendered by Jinja's own library, as transformers sets it up, with the templates that
eight models are published with. The templates themselves are others' work and stay where they are.

    python tests/parity/make-published-templates.py FOLDER      (transformers 5.23)

FOLDER has them as OWNER-NAME.jinja, as `models/templates` of llama.cpp's sources has.
"""

import gzip
import json
import random
import sys
from importlib import import_module
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

HERE = Path(__file__).parent
CHATS = 40
NAMES = [
    "Qwen-Qwen2.5-7B-Instruct",
    "Qwen-Qwen3-0.6B",
    "HuggingFaceTB-SmolLM3-3B",
    "mistralai-Mistral-Nemo-Instruct-2407",
    "microsoft-Phi-3.5-mini-instruct",
    "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B",
    "deepseek-ai-DeepSeek-V3.1",
    "ibm-granite-granite-4.1",
]


def with_ids(chat: dict) -> dict:
    """Some templates refuse a call or its result without its id, of nine letters."""
    messages = []
    for message in chat["messages"]:
        more = {"tool_call_id": "a1B2c3D4e", "name": "get_rate"} if message["role"] == "tool" else {}
        if "tool_calls" in message:
            more = {"tool_calls": [{"id": "a1B2c3D4e", **call} for call in message["tool_calls"]]}
        messages.append({**message, **more})
    return {**chat, "messages": messages}


def main(folder: Path) -> None:
    rng = random.Random(20261128)
    pieces = ["Hello.", "  spaces  ", "{{ braces }}", "é 你好 🙂", "'single' \"double\"", "1 < 2 & 3", "<think>hm</think>yes", "a\nb"]
    chats = [with_ids(import_module("make-templates").chat(rng, pieces)) for _ in range(CHATS)]
    rendered_by = {}
    for name in NAMES:
        template = (folder / f"{name}.jinja").read_text()
        texts = []
        for chat in chats:
            try:
                values = {"conversations": [chat["messages"]], "tools": chat["tools"], "add_generation_prompt": True}
                rendered, _ = render_jinja_template(**values, chat_template=template, bos_token="<s>", eos_token="</s>")
                texts.append(rendered[0])
            except Exception as error:  # what a template refuses
                texts.append(None)
                print(name, "refuses:", error)
        rendered_by[name] = texts
    content = json.dumps({"chats": chats, "texts": rendered_by}, ensure_ascii=False, separators=(",", ":")).encode()
    (HERE / "goldens/published-templates.json.gz").write_bytes(gzip.compress(content, 9, mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
