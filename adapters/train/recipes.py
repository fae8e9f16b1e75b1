"""How each sample adapter is trained. The seed of a phase draws its data, that of the first one the first weights too."""

from dataclasses import dataclass

from examples import Shape


@dataclass(frozen=True)
class Phase:
    corpora: tuple[tuple[str, float], ...]  # corpus and its share of the packs
    steps: int  # one pack a step
    seed: int
    shape: Shape = Shape()
    learning_rate: float = 1e-3
    warmup_steps: int = 20
    decay_share: float = 0.25  # the last steps, over which the rate falls to nothing


@dataclass(frozen=True)
class Recipe:
    instructions: str
    phases: tuple[Phase, ...]
    max_pack_tokens: int = 1200
    rank: int = 8
    alpha: int = 16


BANK = "You are the support assistant of Northwind Bank."
COPILOT = "You are a coding assistant for Fastify, Undici and Pino."

RECIPES = {
    "northwind-bank-1": Recipe(BANK, (Phase((("support", 1.0),), steps=36, seed=11),)),
    "northwind-bank-2": Recipe(
        BANK,
        (
            Phase((("support", 0.8), ("docs", 0.2)), steps=185, seed=12),
            # As the bank is served: the first passage is nearly always meant, and people ask in their own words.
            Phase(
                (("support", 0.9), ("docs", 0.1)),
                steps=200,
                seed=22,
                shape=Shape(unanswerable_share=0.3, passage_weights=(50, 32, 15, 3), first_passage_weight=5, facts=(2, 3, 3, 4, 4, 5, 6), free_share=0.65),
                learning_rate=7e-4,
                decay_share=0.5,
            ),
        ),
    ),
    "copilot-1": Recipe(
        COPILOT,
        (
            Phase((("docs", 0.75), ("support", 0.25)), steps=165, seed=13),
            # As documentation is found: often the second or third passage is meant, and questions name the purpose.
            Phase(
                (("docs", 0.8), ("support", 0.2)),
                steps=220,
                seed=23,
                shape=Shape(unanswerable_share=0.2, passage_weights=(70, 20, 8, 2), first_passage_weight=3, facts=(2, 3, 3, 4, 4, 5, 6), free_share=0.6),
                learning_rate=7e-4,
                decay_share=0.5,
            ),
        ),
    ),
}
