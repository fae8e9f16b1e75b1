"""Packs over written collections: policy documents of invented organisations, documentation of invented libraries, and that of
real packages (none of them Fastify, Undici or Pino), each with questions as people ask them.

The passages of a pack are those that a search by words ranks first, so that the nearest misses of a collection stand beside what is
asked for. A question whose passage is not among them has to be refused, and so has one that the collection does not answer.
"""

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Callable, Iterable

from examples import PASSAGE_TOKENS, Example, Pack, Shape
from packages import package_folder
from prompt import REFUSAL, Passage

HERE = Path(__file__).parent
BROAD = HERE / "written" / "broad"
NODE_MODULES = HERE.parent.parent / "node_modules"
FOUND_SHARE = 0.85  # of packs around a question with an answer: those whose passage is shown
STRANGER_SHARE = 0.06  # of questions without an answer: those on something else altogether
BESIDE_SHARE = 0.75  # of further passages that answer a broad question: those that are shown too
NEAREST = 8  # passages that may stand beside the right one


@dataclass(frozen=True)
class Sentence:
    text: str  # in the passage's words, without full stop
    places: frozenset[int]  # the passages that hold it


@dataclass(frozen=True)
class Asked:
    sentences: tuple[Sentence, ...]  # of the answer, what matters most first
    questions: tuple[str, ...]
    broad: bool = False  # asks for more than one fact, or says hardly what it asks for

    @property
    def places(self) -> frozenset[int]:
        return frozenset().union(*(sentence.places for sentence in self.sentences))

    def answer(self, shown: list[int]) -> str | None:
        """What the shown passages hold of it, each sentence with a passage's number; None where what matters most is not shown."""
        numbers = [next((number for number, place in enumerate(shown, start=1) if place in one.places), None) for one in self.sentences]
        if numbers[0] is None:
            return None
        return " ".join(f"{one.text} [{number}]." for one, number in zip(self.sentences, numbers) if number is not None)


@dataclass(frozen=True)
class Collection:
    passages: tuple[Passage, ...]
    asked: tuple[Asked, ...]
    unanswered: tuple[tuple[str, frozenset[int]], ...]  # questions, and the passages that they come near
    index: "WordIndex"


def _words(text: str) -> list[str]:
    """Lower case, identifiers split at their capitals, and a plural read as its singular."""
    return [re.sub(r"(?<=\w\w)(ies|es|s|ed|ing)$", "", word.lower()) for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", text)]


class WordIndex:
    """BM25 (k1 = 1.2, b = 0.75) over the titles and texts of a collection."""

    def __init__(self, passages: Iterable[Passage]):
        self.counts = [Counter(_words(f"{passage.title} {passage.text}")) for passage in passages]
        self.lengths = [sum(counts.values()) for counts in self.counts]
        self.mean = sum(self.lengths) / len(self.lengths)
        self.found_in = Counter(word for counts in self.counts for word in counts)
        self.ranked = cache(self._ranked)  # the same questions are asked again and again

    def _score(self, words: list[str], place: int) -> float:
        counts, norm = self.counts[place], 1.2 * (0.25 + 0.75 * self.lengths[place] / self.mean)
        rarity = {word: math.log(1 + (len(self.counts) - self.found_in[word] + 0.5) / (self.found_in[word] + 0.5)) for word in words if word in counts}
        return sum(weight * counts[word] * 2.2 / (counts[word] + norm) for word, weight in rarity.items())

    def _ranked(self, query: str) -> list[int]:
        words = sorted(set(_words(query)))  # sums depend on the order, and a set's on the process
        return sorted(range(len(self.counts)), key=lambda place: -self._score(words, place))


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
            for piece in (sentence for piece in pieces for sentence in ([piece] if token_count(piece) <= PASSAGE_TOKENS else re.split(r"(?<=[.;]) ", piece))):
                if pending and token_count("\n\n".join([*pending, piece])) > PASSAGE_TOKENS:
                    passages.append(Passage(title, "\n\n".join(pending)))
                    pending = []
                pending.append(piece)
        if pending:
            passages.append(Passage(title, "\n\n".join(pending)))
    return passages


def _lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def _broad(name: str, places_of: Callable[[dict], frozenset[int]]) -> tuple[list[Asked], list[tuple[str, frozenset[int]]]]:
    """Broad questions about a collection, with and without an answer. Sentences whose passage was cut otherwise are left out."""
    asked, unanswered = [], []
    file = BROAD / f"{name}.jsonl"
    for line in _lines(file) if file.exists() else ():
        unanswered += [(question, frozenset()) for question in line.get("unanswered", ())]
        sentences = tuple(Sentence(one["text"], places) for one in line.get("sentences", ()) if (places := places_of(one)))
        if sentences:
            asked.append(Asked(sentences, tuple(line["questions"]), broad=True))
    return asked, unanswered


def _written(file: Path, with_broad: bool) -> Collection:
    """One passage a line, with what is asked of it."""
    lines = _lines(file)
    passages = tuple(Passage(line["title"], line["text"]) for line in lines)
    broad, broad_unanswered = _broad(f"{file.parent.name}/{file.stem}", lambda one: frozenset((one["line"] - 1,))) if with_broad else ([], [])
    return Collection(
        passages,
        (
            *(Asked((Sentence(one["answer"], frozenset((place,))),), tuple(one["questions"])) for place, line in enumerate(lines) for one in line["asked"]),
            *broad,
        ),
        (*((question, frozenset((place,))) for place, line in enumerate(lines) for question in line["unanswered"]), *broad_unanswered),
        WordIndex(passages),
    )


def _documented(lines: list[dict], token_count: Callable[[str], int], with_broad: bool) -> Collection:
    """A document of a package a line; a quote tells which of its passages answer."""
    passages: list[Passage] = []
    asked, unanswered = [], []
    for line in lines:
        folder = package_folder(line["package"]) if "package" in line else NODE_MODULES
        start = len(passages)
        text = (folder / line["file"]).read_text()
        cuts = cut(text, token_count)
        passages += [passage for passage in cuts if token_count(passage.text) <= 2 * PASSAGE_TOKENS]  # longer ones are rows of links
        flat = [_flat(passage.text) for passage in passages]
        for one in line["asked"]:
            quote = _flat(one["quote"]).strip()
            places = frozenset(place for place in range(start, len(flat)) if quote in flat[place])
            if not places and quote not in _flat(text):
                raise ValueError(f"{line['file']} no longer says: {one['quote']}")
            if places:  # else cut in two
                asked.append(Asked((Sentence(one["answer"], places),), tuple(one["questions"])))
        unanswered += [(question, frozenset()) for question in line["unanswered"]]
    if with_broad and "package" in lines[0]:
        flat = [_flat(passage.text) for passage in passages]
        broad, broad_unanswered = _broad(f"manuals/{lines[0]['package']}", lambda one: frozenset(place for place, text in enumerate(flat) if one["quote"] in text))
        asked, unanswered = asked + broad, unanswered + broad_unanswered
    return Collection(tuple(passages), tuple(asked), tuple(unanswered), WordIndex(passages))


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@cache
def collections(corpus: str, token_count: Callable[[str], int], with_broad: bool = True) -> tuple[Collection, ...]:
    """Those of a folder below `written`, or of a file about packages; with the broad questions about them or without."""
    documents = HERE / "written" / f"{corpus}.jsonl"
    if documents.exists():
        by_package = groupby(_lines(documents), lambda line: line.get("package", line["file"]))
        return tuple(_documented(list(lines), token_count, with_broad) for _, lines in by_package)
    return tuple(_written(file, with_broad) for file in sorted((HERE / "written" / corpus).glob("*.jsonl")))


def _shown(rng: Random, collection: Collection, question: str, targets: list[int], hidden: frozenset[int], count: int) -> list[int]:
    """What a search would show: the first target mostly first, then what is nearest to the question and to it."""
    near = collection.index.ranked(question)
    if targets:
        passage = collection.passages[targets[0]]
        beside = collection.index.ranked(f"{passage.title} {passage.text}")
        near = [place for pair in zip(near[:NEAREST], beside[:NEAREST]) for place in pair]
    near = [place for place in dict.fromkeys(near) if place not in targets and place not in hidden][:NEAREST]
    weights = [1 / (rank + 2) for rank in range(len(near))]
    shown: list[int] = []
    while near and len(shown) < count - len(targets):
        at = rng.choices(range(len(near)), weights)[0]
        shown.append(near.pop(at))
        weights.pop(at)
    for target in reversed(targets):
        shown.insert(0 if rng.random() < 0.6 else rng.randint(0, len(shown)), target)
    return shown


def make_written_pack(rng: Random, corpus: str, shape: Shape, token_count: Callable[[str], int]) -> Pack:
    everything = collections(corpus, token_count, shape.broad_share > 0)
    collection = rng.choices(everything, [len(one.asked) for one in everything])[0]
    broad = [one for one in collection.asked if one.broad]
    count = rng.choices(*zip(*shape.passages))[0]
    lead, hidden = rng.choice(broad if broad and rng.random() < shape.broad_share else collection.asked), frozenset()
    question, targets = rng.choice(lead.questions), [rng.choice(sorted(lead.sentences[0].places))]
    targets += [place for place in sorted(lead.places - set(targets)) if lead.broad and rng.random() < BESIDE_SHARE]
    if rng.random() < shape.unanswerable_share:
        question, targets = rng.choice(collection.unanswered)[0], []
    elif rng.random() > FOUND_SHARE:
        hidden, targets = lead.places, []
    shown = _shown(rng, collection, question, targets[:count], hidden, count) if count else []

    def comes_near(wording: str) -> bool:
        return not set(collection.index.ranked(wording)[:4]).isdisjoint(shown)

    facts, whole, near, far = [], [], [], []
    for asked in collection.asked:
        answer, wording = asked.answer(shown), rng.choice(asked.questions)
        if answer is not None:
            (whole if asked.broad else facts).append(Example(((wording, answer),)))
        elif not asked.broad and comes_near(wording):  # what is shown may answer a part of what is asked broadly
            near.append(Example(((wording, REFUSAL),)))
    for wording, places in collection.unanswered:
        is_near = bool(places & set(shown)) if places else comes_near(wording)
        (near if is_near else far).append(Example(((wording, REFUSAL),)))
    stranger = rng.choice(everything)
    far.append(Example(((rng.choice(rng.choice(stranger.asked).questions) if stranger is not collection else rng.choice(collection.unanswered)[0], REFUSAL),)))

    refused = sum(rng.random() < shape.unanswerable_share for _ in range(shape.questions))
    answered = shape.questions - refused
    examples = rng.sample(whole, min(len(whole), round(answered * shape.broad_share)))
    examples += rng.sample(facts, min(len(facts), answered - len(examples)))
    for _ in range(max(refused, not examples)):
        pool = far if not near or rng.random() < STRANGER_SHARE else near
        if pool:
            examples.append(pool.pop(rng.randrange(len(pool))))
    rng.shuffle(examples)
    return Pack(tuple(collection.passages[place] for place in shown), tuple(examples), len(shown) > 1 and rng.random() < shape.block_share)
