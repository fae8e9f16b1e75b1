"""llama.cpp for the make-*.py beside it: the libraries of npm's @node-llama-cpp/linux-x64 3.22.1 (llama.cpp 0.5.0), named by the
environment variable LLAMA_CPP_LIBS, through the declarations of PyPI's llama-cpp-py-sync 0.11739, whose own library wants a newer libc.
"""

import ctypes
import os
from pathlib import Path

import numpy as np

LIBS = Path(os.environ["LLAMA_CPP_LIBS"])


def base_library() -> ctypes.CDLL:
    """ggml's own functions, by their C names."""
    return ctypes.CDLL(str(LIBS / "libggml-base.so"))


class Model:
    """A GGUF file; without `positions` its vocabulary only."""

    silence = None

    def __init__(self, path: str, positions: int = 0) -> None:
        from llama_cpp_py_sync import _cffi_bindings as bindings

        ggml = ctypes.CDLL(str(next(LIBS.glob("libggml.v*.so"))), ctypes.RTLD_GLOBAL)
        ggml.ggml_backend_load_all_from_path(ctypes.c_char_p(str(LIBS).encode()))
        self.ffi = bindings.get_ffi()
        self.lib = self.ffi.dlopen(str(next(LIBS.glob("libllama.v*.so"))))
        # The library keeps it for as long as it lives.
        Model.silence = Model.silence or self.ffi.callback("ggml_log_callback", lambda *_: None)
        self.lib.llama_log_set(Model.silence, self.ffi.NULL)
        self.lib.llama_backend_init()
        parameters = self.lib.llama_model_default_params()
        parameters.vocab_only = positions == 0
        self.model = self.lib.llama_model_load_from_file(path.encode(), parameters)
        self.vocab = self.lib.llama_model_get_vocab(self.model)
        self.vocab_size = self.lib.llama_vocab_n_tokens(self.vocab)
        self.context = None
        if positions > 0:
            settings = self.lib.llama_context_default_params()
            settings.n_ctx = settings.n_batch = settings.n_ubatch = positions
            settings.n_threads = settings.n_threads_batch = 2
            self.context = self.lib.llama_init_from_model(self.model, settings)

    def tokenize(self, text: str, special: bool) -> list[int]:
        """No token is put before the text; special tokens in it count where `special`."""
        data = text.encode()
        room = len(data) + 8
        tokens = self.ffi.new("llama_token[]", room)
        count = self.lib.llama_tokenize(self.vocab, data, len(data), tokens, room, False, special)
        return list(tokens[0:count])

    def logits(self, ids: list[int]) -> np.ndarray:
        """At every token, all before it given: [tokens, vocabulary]."""
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.context), True)
        batch = self.lib.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, i, 1, 1
            batch.seq_id[i][0] = 0
        if self.lib.llama_decode(self.context, batch) != 0:
            raise RuntimeError("llama_decode failed")
        data = self.ffi.buffer(self.lib.llama_get_logits(self.context), len(ids) * self.vocab_size * 4)
        logits = np.frombuffer(data, dtype=np.float32).reshape(len(ids), self.vocab_size).copy()
        self.lib.llama_batch_free(batch)
        return logits

    def close(self) -> None:
        if self.context is not None:
            self.lib.llama_free(self.context)
        self.lib.llama_model_free(self.model)
