"""What both corpora are made of: facts, the sections they stand in, and the questions that ask for them."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fact:
    key: tuple[str, str]  # (subject, attribute): one value each within a pack
    sentence: str  # as prose, ending in a full stop
    questions: tuple[str, ...]
    row: tuple[str, str] | None = None  # (label, value) for bullets and tables
    follow_up: str | None = None  # the question when the subject was just spoken of


@dataclass
class Section:
    title: str
    facts: list[Fact] = field(default_factory=list)
    text: str = ""
    answers: dict[tuple[str, str], str] = field(default_factory=dict)  # in the passage's own words, no full stop


def capital(text: str) -> str:
    return text[0].upper() + text[1:]


def bare(text: str) -> str:
    """A noun phrase without its article: `the Wren tariff` as a row label."""
    for article in ("the ", "a ", "an "):
        if text.startswith(article):
            return text[len(article) :]
    return text
