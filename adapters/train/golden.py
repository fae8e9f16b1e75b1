"""Writes prompt-golden.json: prompts and their tokens, which the gateway's tests compare with what it builds itself."""

import argparse
import json
from pathlib import Path

import jinja2

from base_model import chat_template, load_tokenizer, special_tokens
from prompt import ANSWER_START, Passage, ordinary, render_message, system_content
from recipes import BANK, COPILOT

CASES = [
    {
        "name": "three passages",
        "instructions": BANK,
        "callerSystem": None,
        "passages": [
            ("Debit cards › Replacement", "Replacing a damaged debit card is free. Every further one costs £6."),
            ("Debit cards › Daily limits", "| What | Limit |\n| --- | --- |\n| Cash machine | £500 a day |\n| Shops and online | £10,000 a day |"),
            ("Lost and stolen cards", "  The lost card line is 0345 610 7799.\n\n- It is open day and night.\n"),
        ],
        "history": [],
        "question": "What does a second replacement cost in 2026?",
    },
    {"name": "no passage", "instructions": BANK, "callerSystem": None, "passages": [], "history": [], "question": "Who won the match?"},
    {
        "name": "history and a caller's system message",
        "instructions": COPILOT,
        "callerSystem": "Answer in one sentence.\nBe brief.",
        "passages": [("Server › Factory › `bodyLimit`", "+ Default: `1048576` (1MiB)\n\n```js\nfastify({ bodyLimit: 10 })\n```")],
        "history": [
            {"role": "user", "content": "What is bodyLimit?"},
            {"role": "assistant", "content": "The largest body that the server accepts [1]."},
        ],
        "question": "And its default?",
    },
    {
        "name": "digits, white space and other scripts",
        "instructions": BANK,
        "callerSystem": None,
        "passages": [("Ünïcode › 中文 › 🙂", "Line  with   spaces\n\n1234 5\t67\n  0345 610 7799 — 1.5 %")],
        "history": [],
        "question": "¿Cuánto cuesta?\n\n12",
    },
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="the GGUF file of the base model")
    base = parser.parse_args().base
    tokenizer, specials = load_tokenizer(base), special_tokens(base)
    template = jinja2.Template(chat_template(base))
    cases = []
    for case in CASES:
        passages = [Passage(title, text) for title, text in case["passages"]]
        system = system_content(case["instructions"], passages, specials, case["callerSystem"])
        question = {"role": "user", "content": ordinary(case["question"], specials)}
        messages = [{"role": "system", "content": system}, *case["history"], question]
        text = template.render(messages=messages, add_generation_prompt=True)
        ours = "".join(render_message(message["role"], message["content"]) for message in messages) + ANSWER_START
        if text != ours:
            raise SystemExit(f"{case['name']}: the trainer's rendering is not that of the chat template")
        passages_json = [{"title": passage.title, "text": passage.text} for passage in passages]
        cases.append({**case, "passages": passages_json, "text": text, "tokenIds": tokenizer.encode(text).ids})
    target = Path(__file__).parent / "prompt-golden.json"
    target.write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
