"""The prompt, byte for byte as the gateway builds it (`src/pipeline/prompt.ts`); `prompt-golden.json` keeps the two equal."""

import json
from dataclasses import dataclass

REFUSAL = "I could not find this in the documents."
RULES = (
    "Answer from the passages only. After each fact put the number of its passage, like [1]. "
    f"If the passages do not hold the answer, say: {REFUSAL}"
)
FENCES = ("<passages>", "</passages>")


@dataclass(frozen=True)
class Passage:
    title: str
    text: str


def ordinary(text: str, special_tokens: list[str]) -> str:
    """The text, which must hold no marker: the gateway encodes one as plain text, a tokenizer called on the whole would not."""
    for marker in (*special_tokens, *FENCES):
        if marker in text:
            raise ValueError(f"a training text holds {marker}")
    return text


def system_content(
    instructions: str, passages: list[Passage] | None, special_tokens: list[str], caller_system: str | None = None
) -> str:
    """Without passages (None: retrieval is off) there are no rules for them either."""
    lines = [instructions]
    if caller_system is not None:
        lines.append(ordinary(caller_system, special_tokens))
    if passages is None:
        return "\n".join(lines)
    lines += [RULES, FENCES[0]]
    for number, passage in enumerate(passages, start=1):
        lines.append(f"[{number}] {ordinary(passage.title, special_tokens)}")
        lines.append(ordinary(passage.text, special_tokens).strip())
    lines.append(FENCES[1])
    return "\n".join(lines)


def functions_text(functions: list[dict]) -> str:
    """What the chat template of the base model puts behind the system message where there are functions to call."""
    signatures = "\n".join(json.dumps({"type": "function", "function": one}, ensure_ascii=False) for one in functions)
    return (
        "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        f"You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n{signatures}\n</tools>\n\n"
        "For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n"
        '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
    )


def render_calls(calls: list[dict]) -> str:
    return "\n".join(f"<tool_call>\n{json.dumps(call, ensure_ascii=False)}\n</tool_call>" for call in calls)


def render_message(role: str, content: str) -> str:
    return f"<|im_start|>{role}\n{content}<|im_end|>\n"


def render_answer(content: str) -> str:
    """What the model generates: the answer and the end of its message."""
    return f"{content}<|im_end|>"


ANSWER_START = "<|im_start|>assistant\n"
