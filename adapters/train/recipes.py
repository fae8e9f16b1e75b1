"""How each sample adapter is trained. The seed of a phase draws its data, that of the first one the first weights too."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from examples import Shape


@dataclass(frozen=True)
class Phase:
    corpora: tuple[tuple[str, float], ...]  # corpus and its share of the packs
    steps: int
    seed: int
    packs: int = 8  # a step
    shape: Shape = Shape()
    learning_rate: float = 5e-4
    warmup_steps: int = 20
    decay_share: float = 0.6  # the last steps, over which the rate falls to nothing


@dataclass(frozen=True)
class Recipe:
    instructions: str
    phases: tuple[Phase, ...]
    documentation: tuple[str, ...] = ()  # corpora that are asked under the copilot's instructions all the same
    parent: str | None = None  # the adapter whose weights are gone on from
    max_pack_tokens: int = 2000
    rank: int = 8
    alpha: int = 16
    precision: str = "float32"  # of the base model's weights and products

    def instructions_of(self, corpus: str) -> str:
        return COPILOT if corpus in self.documentation else self.instructions


def base_id(file: Path) -> str:
    """What the gateway calls a base model: the name of its file, without how it is quantized."""
    return re.sub(r"[-_.](i?q\d\w*|b?f16|f32)$", "", file.stem.lower())


BANK = "You are the support assistant of Northwind Bank."
COPILOT = "You are a coding assistant for Fastify, Undici and Pino."

# As the gateway shows passages: up to four, the first one meant most often; three in ten questions have no answer among them.
SERVED = Shape(
    questions=10,
    unanswerable_share=0.3,
    passages=((4, 55), (3, 20), (2, 13), (1, 10), (0, 2)),
    first_passage_weight=4,
    facts=(2, 3, 3, 4, 4, 5, 6),
    free_share=0.65,
)
# ... and the broad questions that people ask first, whose answers are several sentences.
BROAD = replace(SERVED, broad_share=0.4)
POLICIES = (("trades", 0.3), ("firms", 0.27), ("services", 0.08), ("support", 0.2), ("libraries", 0.04), ("docs", 0.05), ("calls", 0.06))
DOCUMENTATION = (
    ("manuals", 0.5),
    ("readmes-1", 0.12),
    ("readmes-2", 0.05),
    ("libraries", 0.1),
    ("tools", 0.1),
    ("docs", 0.08),
    ("trades", 0.05),
)
SAMPLES = (
    ("trades", 0.12),
    ("firms", 0.22),
    ("services", 0.06),
    ("support", 0.06),
    ("calls", 0.05),
    ("manuals", 0.28),
    ("readmes-1", 0.08),
    ("libraries", 0.06),
    ("tools", 0.07),
)
NEAR_MISSES = (
    ("trades", 0.12),
    ("firms", 0.2),
    ("services", 0.04),
    ("support", 0.17),
    ("docs", 0.12),
    ("manuals", 0.22),
    ("readmes-1", 0.06),
    ("libraries", 0.03),
    ("tools", 0.04),
)
# Of the larger base model, for both tenants, by two cores. After the first it refuses too much, as the copilot did.
LARGER = Recipe(
    BANK,
    (
        Phase(
            SAMPLES,
            steps=22,
            seed=41,
            packs=4,
            shape=replace(SERVED, broad_share=0.35, unanswerable_share=0.27),
            learning_rate=6e-4,
            warmup_steps=3,
        ),
    ),
    documentation=("manuals", "readmes-1", "libraries", "tools"),
    precision="bfloat16",
)

RECIPES = {
    "northwind-bank-1": Recipe(BANK, (Phase(POLICIES, steps=640, seed=11, shape=replace(BROAD, unanswerable_share=0.28)),)),
    "northwind-bank-2": Recipe(
        BANK,
        (Phase(POLICIES, steps=139, seed=22, shape=replace(BROAD, unanswerable_share=0.38), learning_rate=2.5e-4, decay_share=1.0),),
        parent="northwind-bank-1",
    ),
    "copilot-1": Recipe(
        COPILOT,
        (
            Phase(DOCUMENTATION, steps=640, seed=13, shape=replace(SERVED, unanswerable_share=0.18)),
            # By now it refuses too much of what is told in other words.
            Phase(
                DOCUMENTATION,
                steps=80,
                seed=31,
                shape=replace(SERVED, unanswerable_share=0.08),
                learning_rate=2e-4,
                warmup_steps=5,
                decay_share=1.0,
            ),
        ),
    ),
    "samples-1": LARGER,
    "samples-2": replace(
        LARGER,
        phases=(
            Phase(
                SAMPLES,
                steps=6,
                seed=43,
                packs=4,
                shape=replace(SERVED, broad_share=0.45, unanswerable_share=0.08),
                learning_rate=3e-4,
                warmup_steps=1,
                decay_share=1.0,
            ),
        ),
        parent="samples-1",
    ),
    # From the mean of both on: near misses, many questions over the same passages. A quarter of it is what is served.
    "samples-3": replace(
        LARGER,
        phases=(
            Phase(
                NEAR_MISSES,
                steps=16,
                seed=47,
                packs=3,
                shape=replace(SERVED, questions=18, broad_share=0.25, unanswerable_share=0.42),
                learning_rate=4e-4,
                warmup_steps=2,
                decay_share=1.0,
            ),
        ),
        documentation=(*LARGER.documentation, "docs"),
        parent="samples-mean",
    ),
}
