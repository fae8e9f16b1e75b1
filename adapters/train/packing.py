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
from transformers import AttentionInterface

from examples import Example, Pack
from prompt import ANSWER_START, FENCES, Passage, render_answer, render_message, system_content


@dataclass(frozen=True)
class PackedTokens:
    ids: torch.Tensor  # [1, T]
    positions: torch.Tensor  # [1, T]
    prefix_len: int
    prefix_hidden: torch.Tensor  # [prefix, prefix], bool: what a token of the prefix does not see
    spans: tuple[tuple[int, int], ...]  # start and end of each question
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


def prefix_text(instructions: str, passages: tuple[Passage, ...], special_tokens: list[str]) -> str:
    return render_message("system", system_content(instructions, list(passages), special_tokens))


def _causal(own: int, all_keys: int) -> torch.Tensor:
    """True where a key is hidden: causal to the lower right."""
    return torch.ones(own, all_keys, dtype=torch.bool).triu(diagonal=all_keys - own + 1)


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
    text = prefix_text(instructions, pack.passages, special_tokens)
    encoded = tokenizer.encode(text)
    ids = list(encoded.ids)
    prefix_len = len(ids)
    prefix_hidden = _causal(prefix_len, prefix_len)
    if pack.block_masks:
        _hide_other_passages(prefix_hidden, text, len(pack.passages), encoded.offsets)
    positions = list(range(prefix_len))
    spans, sources, targets = [], [], []
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
    return PackedTokens(torch.tensor([ids]), torch.tensor([positions]), prefix_len, prefix_hidden, tuple(spans), torch.tensor(sources), torch.tensor(targets))


def _attend(query, key, value, scaling, hidden):
    """Plain attention: for these small blocks twice as fast on a CPU as the fused kernel."""
    scores = (query @ key.transpose(2, 3) * scaling).float().masked_fill_(hidden, float("-inf"))
    return scores.softmax(dim=-1).to(value.dtype) @ value


def _packed_attention(module, query, key, value, attention_mask, scaling, dropout=0.0, *, packed: PackedTokens, **_):
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    prefix_key, prefix_value = key[:, :, : packed.prefix_len], value[:, :, : packed.prefix_len]
    parts = [_attend(query[:, :, : packed.prefix_len], prefix_key, prefix_value, scaling, packed.prefix_hidden)]
    for start, end in packed.spans:
        keys = torch.cat((prefix_key, key[:, :, start:end]), dim=2)
        values = torch.cat((prefix_value, value[:, :, start:end]), dim=2)
        parts.append(_attend(query[:, :, start:end], keys, values, scaling, _causal(end - start, packed.prefix_len + end - start)))
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


AttentionInterface.register("packed", _packed_attention)


def pack_loss(model, packed: PackedTokens) -> torch.Tensor:
    """Mean cross entropy of the answers. `model` is the causal model with LoRA layers in place."""
    hidden = model.model(input_ids=packed.ids, position_ids=packed.positions, use_cache=False, packed=packed).last_hidden_state
    logits = model.lm_head(hidden[0, packed.sources])
    return F.cross_entropy(logits.float(), packed.targets)
