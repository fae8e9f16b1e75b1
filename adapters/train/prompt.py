"""The prompt, byte for byte as the gateway builds it (`src/pipeline/prompt.ts`); `prompt-golden.json` keeps the two equal."""

from dataclasses import dataclass

REFUSAL = "I could not find this in the documents."
RULES = (
    "Answer from the passages only. After each fact put the number of its passage, like [1]. "
    f"If the passages do not hold the answer, say: {REFUSAL}"
)
FENCES = ("<passages>", "</passages>")
ZERO_WIDTH_SPACE = "\u200b"


@dataclass(frozen=True)
class Passage:
    title: str
    text: str


def neutralize(text: str, special_tokens: list[str]) -> str:
    """Text from outside can neither end a message nor open or close the passages."""
    for token in (*special_tokens, *FENCES):
        text = text.replace(token, token[0] + ZERO_WIDTH_SPACE + token[1:])
    return text


def system_content(
    instructions: str, passages: list[Passage], special_tokens: list[str], caller_system: str | None = None
) -> str:
    lines = [instructions]
    if caller_system is not None:
        lines.append(neutralize(caller_system, special_tokens))
    lines += [RULES, FENCES[0]]
    for number, passage in enumerate(passages, start=1):
        lines.append(f"[{number}] {neutralize(passage.title, special_tokens)}")
        lines.append(neutralize(passage.text, special_tokens).strip())
    lines.append(FENCES[1])
    return "\n".join(lines)


def render_message(role: str, content: str) -> str:
    return f"<|im_start|>{role}\n{content}<|im_end|>\n"


def render_answer(content: str) -> str:
    """What the model generates: the answer and the end of its message."""
    return f"{content}<|im_end|>"


ANSWER_START = "<|im_start|>assistant\n"
