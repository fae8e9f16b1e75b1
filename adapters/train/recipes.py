"""How each sample adapter is trained. The seed of a phase draws its data, that of the first one the first weights too."""

from dataclasses import dataclass

from examples import Shape


@dataclass(frozen=True)
class Phase:
    corpora: tuple[tuple[str, float], ...]  # corpus and its share of the packs
    steps: int  # one pack a step
    seed: int
    shape: Shape = Shape()
    learning_rate: float = 5e-4
    warmup_steps: int = 10
    decay_share: float = 0.25  # the last steps, over which the rate falls to nothing


@dataclass(frozen=True)
class Recipe:
    instructions: str
    phases: tuple[Phase, ...]
    parent: str | None = None  # the adapter whose weights are gone on from
    max_pack_tokens: int = 1200
    rank: int = 8
    alpha: int = 16


BANK = "You are the support assistant of Northwind Bank."
COPILOT = "You are a coding assistant for Fastify, Undici and Pino."

# As documentation is found: several passages, any of which may be meant, and questions that name the purpose.
DOCUMENTATION = Shape(
    questions=10,
    unanswerable_share=0.2,
    passages=((6, 12), (5, 14), (4, 26), (3, 32), (2, 11), (1, 5)),
    first_passage_weight=3,
    facts=(1, 2, 2, 3, 3, 4, 5),
    free_share=0.6,
)

# How to answer and to cite.
FORM = Phase((("support", 1.0),), steps=80, seed=11, shape=Shape(free_share=0.55))

RECIPES = {
    "bank-form": Recipe(BANK, (FORM,)),
    # Passages that hold something like the answer, more of them, and some of another corpus.
    "bank-near-misses": Recipe(
        BANK,
        (
            FORM,
            Phase(
                (("support", 0.85), ("docs", 0.15)),
                steps=60,
                seed=31,
                shape=Shape(unanswerable_share=0.26, passages=((4, 40), (3, 30), (2, 16), (1, 12), (0, 2)), first_passage_weight=3, facts=(2, 3, 3, 4, 4, 5, 6), free_share=0.6),
                learning_rate=4e-4,
                decay_share=0.5,
            ),
        ),
    ),
    # As the bank is served: the first passage is nearly always meant, people ask in their own words, and much has no answer.
    "bank-refusals": Recipe(
        BANK,
        (
            Phase(
                (("support", 0.9), ("docs", 0.1)),
                steps=60,
                seed=22,
                shape=Shape(unanswerable_share=0.3, passages=((3, 60), (2, 25), (1, 12), (0, 3)), first_passage_weight=4, facts=(2, 3, 3, 4, 4, 5, 6), free_share=0.65),
                decay_share=0.5,
            ),
        ),
        parent="bank-form",
    ),
    "copilot-1": Recipe(
        COPILOT,
        (Phase((("docs", 0.5), ("libraries", 0.35), ("support", 0.15)), steps=70, seed=13, shape=DOCUMENTATION, decay_share=0.4),),
    ),
}

# One training refuses too little and the other too much; between them lies what neither reaches by itself (the shares were
# chosen on indexes/northwind-bank/eval.jsonl). Version 2 is the one that refuses more.
AVERAGES = {
    "northwind-bank-1": {"bank-near-misses": 0.35, "bank-refusals": 0.65},
    "northwind-bank-2": {"bank-near-misses": 0.18, "bank-refusals": 0.82},
}
