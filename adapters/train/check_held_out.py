"""Checks that no held-out question has the wording of a training question: `python check_held_out.py`.

Every training question is turned into a pattern in which names and nouns are slots. A held-out question that fits one
is printed, and the exit status is 1.
"""

import json
import re
import sys
from pathlib import Path
from random import Random

from docs_corpus import DocsWorld
from support_corpus import ACTION_KINDS, NOUN_QUESTIONS, TWO_SIDED
from support_frames import FRAMES

HERE = Path(__file__).parent
INDEXES = HERE.parent.parent / "indexes"
WRITTEN = HERE / "written"
SLOT = r"[\w’'£.$-]+(?: [\w’'£.$-]+){0,5}"  # one to six words
DRAWS = 4000


def support_templates() -> set[str]:
    bare = "{a} for {s}?"  # no wording at all
    nouns = [question for questions in NOUN_QUESTIONS.values() for question in questions if question != bare]
    actions = [question for _, questions, *_ in ACTION_KINDS.values() for question in questions]
    frames = [question for trade in FRAMES for _, questions in trade for question in questions]
    return {*nouns, *actions, *frames, *TWO_SIDED[1]}


def docs_templates() -> set[str]:
    """Questions are drawn, and the names of the invented library are cut out of them."""
    rng, templates = Random(1), set()
    for _ in range(DRAWS):
        world = DocsWorld(rng)
        names = [name for _, name in world.themes()] + world.hooks + [world.library]
        nouns = sorted((form for noun in world.nouns for form in (noun + "s", noun, noun.capitalize() + "s", noun.capitalize())), key=len, reverse=True)
        fact = world.draw_fact(rng.choice(world.themes()), set())
        for question in fact.questions:
            question = question.replace("`", "").replace("()", "")
            for name in sorted(names, key=len, reverse=True):
                question = re.sub(rf"\b{re.escape(name)}\b", "{x}", question, flags=re.IGNORECASE)
            for noun in nouns:
                question = re.sub(rf"\b{noun}\b", "{x}", question)
            templates.add(re.sub(r"\d+", "{x}", question))
    return templates


def written_questions() -> set[str]:
    lines = [json.loads(line) for file in WRITTEN.rglob("*.jsonl") for line in file.read_text().splitlines()]
    asked = [question for line in lines for one in line.get("asked", [line]) for question in one.get("questions", ())]
    return {*asked, *(question for line in lines for question in line.get("unanswered", ()))}


def pattern(template: str) -> re.Pattern:
    literal = re.split(r"\{\w+\}", template.replace("`", ""))
    return re.compile(SLOT.join(re.escape(part) for part in literal), re.IGNORECASE)


def main() -> None:
    patterns = [(template, pattern(template)) for template in sorted(support_templates() | docs_templates() | written_questions())]
    shared = 0
    for file in sorted(INDEXES.glob("*/eval.jsonl")):
        for line in file.read_text().splitlines():
            question = json.loads(line)["question"]
            plain = question.replace("`", "").replace("()", "")
            for template, regex in patterns:
                if regex.fullmatch(plain):
                    shared += 1
                    print(f"{file.parent.name}: {question}   fits   {template}")
                    break
    print(f"{len(patterns)} training templates, {shared} held-out questions fit one")
    sys.exit(1 if shared else 0)


if __name__ == "__main__":
    main()
