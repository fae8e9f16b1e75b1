"""Packs over real documentation: passages of installed packages' READMEs with the questions of `library_questions.py`.

A question whose passage is not shown has to be refused: the other passages of one README are the nearest misses there are.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Callable

from examples import PASSAGE_TOKENS, Example, Pack, Shape
from library_questions import QUESTIONS, UNANSWERED, Asked
from prompt import REFUSAL, Passage

NODE_MODULES = Path(__file__).parent.parent.parent / "node_modules"


@dataclass(frozen=True)
class Readme:
    passages: tuple[Passage, ...]
    asked: tuple[tuple[Asked, frozenset[int]], ...]  # with the passages that hold the quote
    unanswered: tuple[str, ...]


def _blocks(text: str) -> list[str]:
    """Paragraphs, and code between fences whole."""
    return [block.strip("\n") for block in re.findall(r"(?:^```.*?^```[^\n]*$|(?:(?!^```)[^\n]*\S[^\n]*\n?)+)", text, re.S | re.M) if block.strip()]


def _sections(text: str):
    """(heading path, text) of each section; a # inside a fence is no heading."""
    path: list[str] = []
    for part in re.split(r"^(?=#{1,6} )", re.sub(r"^```.*?^```", lambda m: m[0].replace("\n#", "\n\0#"), text, flags=re.S | re.M), flags=re.M):
        heading = re.match(r"(#{1,6}) (.*)\n?", part)
        if heading:
            path = [*path[: len(heading[1]) - 1], heading[2].strip()]
            part = part[heading.end() :]
        yield " › ".join(path), part.replace("\0", "")


def cut(text: str, token_count: Callable[[str], int]) -> list[Passage]:
    passages = []
    for title, section in _sections(text):
        pending: list[str] = []
        for block in _blocks(section):
            pieces = [block] if token_count(block) <= PASSAGE_TOKENS else block.split("\n")
            for piece in pieces:
                if pending and token_count("\n\n".join([*pending, piece])) > PASSAGE_TOKENS:
                    passages.append(Passage(title, "\n\n".join(pending)))
                    pending = []
                pending.append(piece)
        if pending:
            passages.append(Passage(title, "\n\n".join(pending)))
    return passages


@cache
def readmes(token_count: Callable[[str], int]) -> tuple[Readme, ...]:
    found = []
    for file, questions in QUESTIONS.items():
        passages = cut((NODE_MODULES / file).read_text(), token_count)
        flat = [re.sub(r"\s+", " ", passage.text) for passage in passages]
        asked = []
        for one in questions:
            quote = re.sub(r"\s+", " ", one.quote)
            places = frozenset(i for i, text in enumerate(flat) if quote in text)
            if not places:
                raise ValueError(f"{file} no longer says: {one.quote}")
            asked.append((one, places))
        found.append(Readme(tuple(passages), tuple(asked), UNANSWERED[file]))
    return tuple(found)


def _words(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Za-z]{4,}", text)}


def _draw_passages(rng: Random, readme: Readme, count: int) -> list[int]:
    """Some that answer a question, and for each of these what is nearest to it by its words."""
    chosen: list[int] = []
    while len(chosen) < count:
        target = rng.choice(sorted(rng.choice(readme.asked)[1]))
        wanted = _words(readme.passages[target].title + readme.passages[target].text)
        near = sorted(range(len(readme.passages)), key=lambda i: -len(wanted & _words(readme.passages[i].text)) / (8 + len(_words(readme.passages[i].text))))
        for place in [target, *rng.sample(near[:6], 2)]:
            if place not in chosen and len(chosen) < count:
                chosen.append(place)
    rng.shuffle(chosen)
    return chosen


def make_library_pack(rng: Random, shape: Shape, token_count: Callable[[str], int]) -> Pack:
    readme = rng.choice(readmes(token_count))
    count = rng.choices(*zip(*shape.passages))[0]
    shown = _draw_passages(rng, readme, max(count, 1))
    answers, refusals = [], []
    for asked, places in readme.asked:
        number = next((n for n, place in enumerate(shown, start=1) if place in places), None)
        answer = REFUSAL if number is None else f"{asked.answer} [{number}]."
        (refusals if number is None else answers).extend(Example(((question, answer),)) for question in asked.questions)
    refusals += [Example(((question, REFUSAL),)) for question in readme.unanswered]
    unanswerable = sum(rng.random() < shape.unanswerable_share for _ in range(shape.questions))
    examples = rng.sample(answers, min(len(answers), shape.questions - unanswerable)) + rng.sample(refusals, min(len(refusals), unanswerable))
    rng.shuffle(examples)
    return Pack(tuple(readme.passages[i] for i in shown), tuple(examples), count > 1 and rng.random() < shape.block_share)
