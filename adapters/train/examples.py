"""Packs: up to six passages and several questions on them, answerable or not, each with the answer to be learnt."""

from dataclasses import dataclass
from random import Random
from typing import Callable

from facts import Fact, Section
from prompt import REFUSAL, Passage

PASSAGE_TOKENS = 160
FOLLOW_UP_SHARE = 0.06
TWO_PART_SHARE = 0.08


@dataclass(frozen=True)
class Shape:
    """What packs look like."""

    questions: int = 12
    unanswerable_share: float = 0.24
    passages: tuple[tuple[int, int], ...] = ((3, 80), (2, 9), (1, 8), (0, 3))  # how many, and how often
    block_share: float = 0.5  # of packs whose passages do not see each other
    first_passage_weight: int = 2  # how much more often the first passage is asked about than another
    facts: tuple[int, ...] = (1, 2, 3, 4, 5, 5, 6, 7, 8)  # of a section, before it is cut to its budget
    broad_share: float = 0.0  # of written questions with an answer: broad ones, as far as a collection has them
    free_share: float | None = None  # of facts that are told in free words; None: what the corpus has


@dataclass(frozen=True)
class Example:
    turns: tuple[tuple[str, str], ...]  # (question, answer), the last one is the one asked


@dataclass(frozen=True)
class Pack:
    passages: tuple[Passage, ...] | None  # None: nothing is searched
    examples: tuple[Example, ...]
    block_masks: bool = False
    functions: tuple[dict, ...] = ()  # that may be called, in OpenAI's shape


def _join(rng: Random, first: str, second: str) -> str:
    first_word = second.split()[0]
    opening = second if first_word.isupper() and len(first_word) > 1 or second[0] == "`" else second[0].lower() + second[1:]
    return f"{first[:-1]}{rng.choice((', and ', '; ', ', while '))}{opening}"


def _prose(rng: Random, section: Section, fillers: tuple[str, ...]) -> str:
    sentences: list[str] = []
    facts = list(section.facts)
    while facts:
        fact = facts.pop()
        if facts and len(fact.sentence) < 70 and rng.random() < 0.12:
            other = facts.pop()
            joint = _join(rng, fact.sentence, other.sentence)
            section.answers[fact.key] = section.answers[other.key] = joint[:-1]
            sentences.append(joint)
        else:
            section.answers[fact.key] = fact.sentence[:-1]
            sentences.append(fact.sentence)
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        sentences.insert(rng.randint(0, len(sentences)), rng.choice(fillers))
    if len(sentences) > 2 and rng.random() < 0.4:
        sentences.insert(rng.randint(1, len(sentences) - 1), "\n\n")
    return " ".join(sentences).replace(" \n\n ", "\n\n")


def _bullets(rng: Random, section: Section, lead_in: str) -> str:
    mark = rng.choice(("-", "-", "*"))
    bold = rng.random() < 0.3
    lines = [lead_in, ""]
    for fact in section.facts:
        if fact.row and rng.random() < 0.6:
            label = f"**{fact.row[0]}**" if bold else fact.row[0]
            lines.append(f"{mark} {label}: {fact.row[1]}")
            section.answers[fact.key] = f"{fact.row[0]}: {fact.row[1]}"
        else:
            lines.append(f"{mark} {fact.sentence}")
            section.answers[fact.key] = fact.sentence[:-1]
    return "\n".join(lines)


def _table(rng: Random, section: Section, lead_in: str) -> str:
    lines = [lead_in, "", rng.choice(("| Item | Value |", "| What | Rule |", "| | Figure |", "| Topic | Details |")), "| --- | --- |"]
    rest: list[str] = []
    for fact in section.facts:
        if fact.row:
            lines.append(f"| {fact.row[0]} | {fact.row[1]} |")
            section.answers[fact.key] = f"{fact.row[0]}: {fact.row[1]}"
        else:
            rest.append(fact.sentence)
            section.answers[fact.key] = fact.sentence[:-1]
    return "\n".join(lines) + ("\n\n" + " ".join(rest) if rest else "")


def _write(rng: Random, world, section: Section, theme) -> None:
    rng.shuffle(section.facts)
    style = rng.random()
    if style < 0.6 or len(section.facts) < 2:
        section.text = _prose(rng, section, world.fillers())
    elif style < 0.8 or not any(fact.row for fact in section.facts):
        section.text = _bullets(rng, section, world.lead_in(theme))
    else:
        section.text = _table(rng, section, world.lead_in(theme))


def _sections(rng: Random, world, shape: Shape, count: int, token_count: Callable[[str], int], used: set) -> tuple[list[Section], list]:
    """Sections on themes close to each other: the same theme under two headings, or the same attribute of two subjects."""
    themes = rng.sample(world.themes(), max(count, 3))
    if rng.random() < 0.4:
        themes[1] = themes[0]
    titles = [world.title()] * count if rng.random() < 0.5 else [world.title() for _ in range(count)]
    sections: list[Section] = []
    for theme, title in zip(themes[:count], titles):
        section = Section(f"{title} › {world.heading(theme)}")
        if world.layout(section, theme, used):
            sections.append(section)
            continue
        for _ in range(rng.choice(shape.facts)):
            told = [fact for other in sections for fact in other.facts]
            like = rng.choice(told) if told and rng.random() < 0.45 else None
            fact = world.draw_fact(theme, used, like)
            if fact:
                section.facts.append(fact)
        if not section.facts:
            section.facts.append(world.draw_fact(theme, used))
        _write(rng, world, section, theme)
        while token_count(section.text) > PASSAGE_TOKENS and len(section.facts) > 1:
            section.facts.pop()
            section.answers.clear()
            _write(rng, world, section, theme)
        sections.append(section)
    return sections, themes


def _cite(section: Section, fact: Fact, number: int) -> str:
    return f"{section.answers[fact.key]} [{number}]."


def _unanswerable(rng: Random, world, stranger, themes: list, told: list[Fact], used: set) -> str:
    """Mostly near misses: the same theme and another attribute, or the same attribute of something else."""
    kind = rng.random()
    fact = None
    if kind < 0.5:
        fact = world.draw_fact(rng.choice(themes), set(used))
    elif kind < 0.88 and told:
        fact = world.draw_fact(rng.choice(world.themes()), set(used), rng.choice(told))
    if fact is None:
        fact = stranger.draw_fact(rng.choice(stranger.themes()), set())
    return rng.choice(fact.questions)


def make_pack(rng: Random, worlds: list, shape: Shape, token_count: Callable[[str], int]) -> Pack:
    world = rng.choice(worlds)(rng, shape.free_share)
    stranger = rng.choice(worlds)(rng, shape.free_share)
    used: set = set()
    count = rng.choices(*zip(*shape.passages))[0]
    sections, themes = _sections(rng, world, shape, count, token_count, used)
    themes = themes[: max(count, 1)]
    told = [(section, fact, number) for number, section in enumerate(sections, start=1) for fact in section.facts]
    # Retrieval ranks: what is asked for stands in the first passage more often than in the others.
    weights = [shape.first_passage_weight if number == 1 else 1 for _, _, number in told]
    asked: set = set()
    examples = []
    for _ in range(shape.questions if count else 2):
        if not told or rng.random() < shape.unanswerable_share:
            question = _unanswerable(rng, world, stranger, themes, [fact for _, fact, _ in told], used)
            examples.append(Example(((question, REFUSAL),)))
            continue
        section, fact, number = rng.choices(told, weights)[0]
        question, answer = rng.choice(fact.questions), _cite(section, fact, number)
        siblings = [(s, f, n) for s, f, n in told if f.key[0] == fact.key[0] and f.key != fact.key and f.follow_up and s.answers[f.key] != section.answers[fact.key]]
        turn = rng.random()
        if siblings and turn < FOLLOW_UP_SHARE * 2:
            other, second, its_number = rng.choice(siblings)
            examples.append(Example(((question, answer), (second.follow_up, _cite(other, second, its_number)))))
        elif siblings and turn < (FOLLOW_UP_SHARE + TWO_PART_SHARE) * 2:
            other, second, its_number = rng.choice(siblings)
            examples.append(Example(((f"{question} {second.follow_up}", f"{answer} {_cite(other, second, its_number)}"),)))
        elif (fact.key, question) not in asked:
            asked.add((fact.key, question))
            examples.append(Example(((question, answer),)))
    passages = tuple(Passage(section.title, section.text.strip()) for section in sections)
    return Pack(passages, tuple(examples), count > 1 and rng.random() < shape.block_share)
