"""Packs with functions that may be called: written sets of them, alone or beside the passages of a written collection.

Beside passages, what they hold is answered from them and what only a function can tell is asked of it, so that neither is unlearnt.
"""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Callable

from examples import Example, Pack, Shape
from prompt import render_calls
from written_corpus import make_written_pack

WRITTEN = Path(__file__).parent / "written"
BESIDE_PASSAGES_SHARE = 0.6
STRANGE_FUNCTION_SHARE = 0.3  # of sets: those with a function of another set among them
ASKED = 7  # of a set


@cache
def _sets() -> tuple[dict, ...]:
    return tuple(json.loads(line) for line in (WRITTEN / "calls.jsonl").read_text().splitlines())


def make_calls_pack(rng: Random, corpora: tuple[tuple[str, float], ...], shape: Shape, token_count: Callable[[str], int]) -> Pack:
    """Passages, if any, are of one of the corpora that were written."""
    one = rng.choice(_sets())
    functions = list(one["tools"])
    if rng.random() < STRANGE_FUNCTION_SHARE:
        other = rng.choice(rng.choice(_sets())["tools"])
        functions += [other] if other["name"] not in {function["name"] for function in functions} else []
    rng.shuffle(functions)
    asked = rng.sample(one["asked"], min(ASKED, len(one["asked"])))
    examples = [Example(((each["question"], render_calls(each["calls"]) if "calls" in each else each["answer"]),)) for each in asked]
    passages, block_masks = None, False
    if rng.random() < BESIDE_PASSAGES_SHARE:
        names, shares = zip(*((name, share) for name, share in corpora if name != "calls" and any(WRITTEN.glob(f"{name}*"))))
        beside = make_written_pack(rng, rng.choices(names, shares)[0], replace(shape, questions=4), token_count)
        passages, block_masks = beside.passages, beside.block_masks
        examples += beside.examples
    rng.shuffle(examples)
    return Pack(passages, tuple(examples), block_masks, tuple(functions))
