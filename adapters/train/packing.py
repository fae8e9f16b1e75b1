"""Several questions over one shared prefix of rules and passages: each question sees the prefix and itself alone.

A prompt of three passages has some 450 tokens and a question some 50, so packing costs a quarter of training each
question with a prefix of its own, and computes exactly the same: positions restart after the prefix, and attention of a
question covers the prefix and its own earlier tokens. The head runs on the positions to be learnt alone.

With block masks the passages of a pack do not see each other: each sees the instructions and itself (block attention, Ma et
al., arXiv 2409.15355), as when its keys and values are computed once and used again beside other passages.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch.nn.utils.rnn import pad_sequence
from transformers import AttentionInterface

from examples import Example, Pack
from prompt import ANSWER_START, FENCES, functions_text, render_answer, render_message, system_content


@dataclass(frozen=True)
class PackedTokens:
    ids: torch.Tensor  # [T]
    positions: torch.Tensor  # [T]
    hidden: torch.Tensor  # [T, T], bool: what a token does not see
    examples: int
    sources: torch.Tensor  # positions whose next token is learnt
    targets: torch.Tensor


def _question_tokens(tokenizer: Tokenizer, example: Example) -> tuple[list[int], list[bool]]:
    """The turns after the system message; learnt are the answers and the ends of their messages."""
    ids: list[int] = []
    learnt: list[bool] = []
    for question, answer in example.turns:
        for text, is_answer in ((render_message("user", question) + ANSWER_START, False), (render_answer(answer), True)):
            part = tokenizer.encode(text).ids
            ids += part
            learnt += [is_answer] * len(part)
        ids += tokenizer.encode("\n").ids
        learnt.append(False)
    return ids[:-1], learnt[:-1]  # nothing follows the end of the last answer


def prefix_text(instructions: str, pack: Pack, special_tokens: list[str]) -> str:
    content = system_content(instructions, pack.passages, special_tokens)
    return render_message("system", content + (functions_text(pack.functions) if pack.functions else ""))


def _hide_other_passages(hidden: torch.Tensor, text: str, passages: int, offsets: list[tuple[int, int]]) -> None:
    """Passage `n` goes from its `[n] ` at the start of a line to the next one's, the last one to the closing fence."""
    borders, at = [], text.index(FENCES[0])
    for number in range(1, passages + 1):
        at = text.index(f"\n[{number}] ", at) + 1
        borders.append(at)
    borders.append(text.rindex(FENCES[1]))
    first_token = [next(token for token, (start, _) in enumerate(offsets) if start >= border) for border in borders]
    for start, end in zip(first_token, first_token[1:]):
        hidden[start:end, first_token[0] : start] = True


def pack_tokens(tokenizer: Tokenizer, instructions: str, pack: Pack, special_tokens: list[str], max_tokens: int) -> PackedTokens:
    text = prefix_text(instructions, pack, special_tokens)
    encoded = tokenizer.encode(text)
    ids, positions = list(encoded.ids), list(range(len(encoded.ids)))
    prefix_len, spans, sources, targets = len(ids), [], [], []
    for example in pack.examples:
        own, learnt = _question_tokens(tokenizer, example)
        start = len(ids)
        if start + len(own) > max_tokens and spans:
            break
        sources += [start + i - 1 for i, is_learnt in enumerate(learnt) if is_learnt]
        targets += [token for token, is_learnt in zip(own, learnt) if is_learnt]
        ids += own
        positions += range(prefix_len, prefix_len + len(own))
        spans.append((start, len(ids)))
    hidden = torch.ones(len(ids), len(ids), dtype=torch.bool).triu(diagonal=1)
    if pack.block_masks:
        _hide_other_passages(hidden, text, len(pack.passages), encoded.offsets)
    for start, end in spans:
        hidden[start:end, prefix_len:start] = True
    return PackedTokens(torch.tensor(ids), torch.tensor(positions), hidden, len(spans), torch.tensor(sources), torch.tensor(targets))


@dataclass(frozen=True)
class Batch:
    ids: torch.Tensor  # [B, T]
    positions: torch.Tensor  # [B, T]
    seen: torch.Tensor  # [B, 1, T, T], bool
    rows: torch.Tensor  # pack and position of what precedes each target
    sources: torch.Tensor
    targets: torch.Tensor


def stack(packs: list[PackedTokens]) -> Batch:
    """Packs side by side; padding sees itself, so that no row of the softmax is empty."""
    length = max(len(pack.ids) for pack in packs)
    seen = torch.eye(length, dtype=torch.bool).repeat(len(packs), 1, 1)
    for row, pack in enumerate(packs):
        seen[row, : len(pack.ids), : len(pack.ids)] = ~pack.hidden
    return Batch(
        ids=pad_sequence([pack.ids for pack in packs], batch_first=True),
        positions=pad_sequence([pack.positions for pack in packs], batch_first=True),
        seen=seen[:, None],
        rows=torch.cat([torch.full_like(pack.sources, row) for row, pack in enumerate(packs)]),
        sources=torch.cat([pack.sources for pack in packs]),
        targets=torch.cat([pack.targets for pack in packs]),
    )


def _packed_attention(module, query, key, value, attention_mask, scaling, dropout=0.0, *, seen: torch.Tensor, **_):
    attended = F.scaled_dot_product_attention(query, key, value, seen, scale=scaling, enable_gqa=True)
    return attended.transpose(1, 2).contiguous(), None


AttentionInterface.register("packed", _packed_attention)


def batch_loss(model, batch: Batch) -> torch.Tensor:
    """Mean cross entropy of the answers. `model` is the causal model with LoRA layers in place."""
    batch = Batch(**{name: tensor.to(model.device) for name, tensor in vars(batch).items()})
    states = model.model(input_ids=batch.ids, position_ids=batch.positions, use_cache=False, seen=batch.seen).last_hidden_state
    logits = model.lm_head(states[batch.rows, batch.sources])
    return F.cross_entropy(logits.float(), batch.targets)
