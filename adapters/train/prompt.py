"""The prompt, byte for byte as the gateway builds it (`src/pipeline/prompt.ts`); `prompt-golden.json` keeps the two equal."""

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
    instructions: str, passages: list[Passage], special_tokens: list[str], caller_system: str | None = None
) -> str:
    lines = [instructions]
    if caller_system is not None:
        lines.append(ordinary(caller_system, special_tokens))
    lines += [RULES, FENCES[0]]
    for number, passage in enumerate(passages, start=1):
        lines.append(f"[{number}] {ordinary(passage.title, special_tokens)}")
        lines.append(ordinary(passage.text, special_tokens).strip())
    lines.append(FENCES[1])
    return "\n".join(lines)


def render_message(role: str, content: str) -> str:
    return f"<|im_start|>{role}\n{content}<|im_end|>\n"


def render_answer(content: str) -> str:
    """What the model generates: the answer and the end of its message."""
    return f"{content}<|im_end|>"


ANSWER_START = "<|im_start|>assistant\n"
