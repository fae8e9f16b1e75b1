"""The served base model as PyTorch: the exact weights of the GGUF file, dequantized, and its tokenizer."""

import hashlib
from pathlib import Path

import gguf
import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedModel

CONTROL_TOKEN = 3  # tokenizer.ggml.token_type of <|im_start|> and its like
USER_DEFINED_TOKEN = 4  # found in plain text as one token, but not special: <|fim_prefix|> and its like

# What `tokenizer.ggml.pre` means. transformers' own reading of a GGUF drops the first of them.
PRE_TOKENIZERS = {
    "smollm": (pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)),
    "qwen2": (
        pre_tokenizers.Split(
            Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "isolated"
        ),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ),
}


def file_sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _field(reader: gguf.GGUFReader, name: str):
    return reader.fields[name].contents()


def load_model(path: Path, dtype: torch.dtype) -> PreTrainedModel:
    """A head that the checkpoint ties is a tensor of its own in some files, quantized otherwise: it is taken as it is served."""
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=dtype)
    head = next((tensor for tensor in gguf.GGUFReader(path).tensors if tensor.name == "output.weight"), None)
    if head is not None:
        weight = torch.from_numpy(gguf.dequantize(head.data, head.tensor_type).copy()).to(dtype)
        model.lm_head.weight = torch.nn.Parameter(weight, requires_grad=False)
        model.config.tie_word_embeddings = False
    return model.eval()


def load_tokenizer(path: Path) -> Tokenizer:
    """Built from the GGUF metadata, with the splitter that its `tokenizer.ggml.pre` means."""
    reader = gguf.GGUFReader(path)
    tokens = _field(reader, "tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in _field(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(list(PRE_TOKENIZERS[_field(reader, "tokenizer.ggml.pre")]))
    tokenizer.decoder = decoders.ByteLevel()
    kinds = _field(reader, "tokenizer.ggml.token_type")
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token, kind in zip(tokens, kinds) if kind == CONTROL_TOKEN])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token, kind in zip(tokens, kinds) if kind == USER_DEFINED_TOKEN])
    return tokenizer


def special_tokens(path: Path) -> list[str]:
    reader = gguf.GGUFReader(path)
    types = _field(reader, "tokenizer.ggml.token_type")
    return [token for token, kind in zip(_field(reader, "tokenizer.ggml.tokens"), types) if kind == CONTROL_TOKEN]


def chat_template(path: Path) -> str:
    return _field(gguf.GGUFReader(path), "tokenizer.chat_template")
