"""The served base model as PyTorch: the exact weights of the GGUF file, dequantized, and its tokenizer."""

import hashlib
from pathlib import Path

import gguf
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

CONTROL_TOKEN = 3  # tokenizer.ggml.token_type of <|im_start|> and its like

LINEARS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}


def file_sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _field(reader: gguf.GGUFReader, name: str):
    return reader.fields[name].contents()


def _hf_name(name: str) -> str:
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{LINEARS[part]}.weight"


def _unpermute(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """llama.cpp stores the rows of q and k with the two halves of each rotary pair interleaved; Hugging Face does not."""
    rows, columns = weight.shape
    return weight.view(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)


def load_model(path: Path, dtype: torch.dtype) -> LlamaForCausalLM:
    reader = gguf.GGUFReader(path)
    heads = _field(reader, "llama.attention.head_count")
    kv_heads = _field(reader, "llama.attention.head_count_kv")
    config = LlamaConfig(
        vocab_size=_field(reader, "llama.vocab_size"),
        hidden_size=_field(reader, "llama.embedding_length"),
        intermediate_size=_field(reader, "llama.feed_forward_length"),
        num_hidden_layers=_field(reader, "llama.block_count"),
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=_field(reader, "llama.context_length"),
        rms_norm_eps=_field(reader, "llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": _field(reader, "llama.rope.freq_base")},
        bos_token_id=_field(reader, "tokenizer.ggml.bos_token_id"),
        eos_token_id=_field(reader, "tokenizer.ggml.eos_token_id"),
        pad_token_id=_field(reader, "tokenizer.ggml.padding_token_id"),
        tie_word_embeddings=True,
    )
    state = {}
    for tensor in reader.tensors:
        values = torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).copy())
        if ".attn_q." in tensor.name:
            values = _unpermute(values, heads)
        if ".attn_k." in tensor.name:
            values = _unpermute(values, kv_heads)
        state[_hf_name(tensor.name)] = values.to(dtype)
    model = LlamaForCausalLM(config).to(dtype)
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or set(missing) - {"lm_head.weight"}:
        raise ValueError(f"{path} is not the expected Llama checkpoint: missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    return model.eval()


def load_tokenizer(path: Path) -> Tokenizer:
    """Built from the GGUF metadata, with the Digits splitter that `tokenizer.ggml.pre = smollm` means."""
    reader = gguf.GGUFReader(path)
    tokens = _field(reader, "tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in _field(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special_tokens(path)])
    return tokenizer


def special_tokens(path: Path) -> list[str]:
    reader = gguf.GGUFReader(path)
    types = _field(reader, "tokenizer.ggml.token_type")
    return [token for token, kind in zip(_field(reader, "tokenizer.ggml.tokens"), types) if kind == CONTROL_TOKEN]


def chat_template(path: Path) -> str:
    return _field(gguf.GGUFReader(path), "tokenizer.chat_template")
