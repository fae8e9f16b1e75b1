"""Trains the LoRA adapter of the search embedder: `python embedder.py --base FOLDER [--out FOLDER]`.

FOLDER holds `config.json`, `tokenizer.json` and a BERT encoder's weights: `model.safetensors`, or the 8-bit `model.onnx` that is served. Each
written question (all but the synthetic worlds' of `recipes.py`) is drawn near the passages that answer it and away from the others of its
collection, the nearest of them above all (InfoNCE). What it learns on one kind of documents holds on others: the figures that
`docs/decisions/0034-embedder-adapter.md` gives are of collections that were held out.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from base_model import file_sha256
from written_corpus import collections

CORPORA = ("trades", "services", "firms", "libraries", "tools", "manuals", "readmes-1", "readmes-2")
QUERY_PREFIX = "Represent this sentence for searching relevant passages: "
MAX_TOKENS = {"passage": 288, "query": 192}
ADAPTER = Path(__file__).parent.parent / "bge-small-en-v1.5" / "qa"
TARGETS = ["query", "key", "value", "dense"]
WEIGHTS = "adapter_model.safetensors"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@dataclass(frozen=True)
class Recipe:
    steps: int = 600
    seed: int = 3
    first_weights_seed: int = 7
    rank: int = 16
    alpha: int = 32
    kept: float = 0.75  # of what was learnt: as good on questions in other words, and better on plain ones
    learning_rate: float = 5e-4
    warmup_steps: int = 20
    decay_share: float = 0.8
    temperature: float = 0.03
    questions: int = 192  # of a step, at least, or as many as have
    passages: int = 360  # at least
    questions_at_once: int = 48  # of one collection
    hard_negatives: int = 1  # a question
    nearest: int = 24  # passages that these are drawn from


@dataclass(frozen=True)
class Asked:
    """A collection in tokens."""

    passages: list[list[int]]
    questions: list[list[int]]
    right: list[list[int]]  # positions of the passages that answer a question


def weights_file(folder: Path) -> Path:
    return next(file for name in ("model.safetensors", "model.onnx") if (file := folder / name).exists())


def read_weights(file: Path) -> dict[str, torch.Tensor]:
    """Under the names of Hugging Face's BERT; what is quantized as floats."""
    if file.suffix == ".safetensors":
        return {name: value.float() for name, value in load_file(file).items() if not name.startswith("pooler")}
    graph = onnx.load(file).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}

    def dequantized(name: str) -> np.ndarray:
        codes, zero, scale = (values[f"{name}_{part}"].astype(np.float32) for part in ("quantized", "zero_point", "scale"))
        return (codes - zero) * scale

    weights = {name: value for name, value in values.items() if name.endswith((".weight", ".bias"))}
    weights |= {name.removesuffix("_quantized"): dequantized(name.removesuffix("_quantized")) for name in values if name.endswith(".weight_quantized")}
    for node in graph.node:  # a linear's weights lost their name, and the node that multiplies them has it
        if node.name.endswith("/MatMul_quant"):
            module = node.name.removeprefix("/").removesuffix("/MatMul_quant").replace("/", ".")
            weights[f"{module}.weight"] = dequantized(node.input[1].removesuffix("_quantized")).T.copy()
    return {name: torch.from_numpy(value.astype(np.float32)) for name, value in weights.items()}


def load_base(folder: Path) -> BertModel:
    config = BertConfig.from_pretrained(folder, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict(read_weights(weights_file(folder)))
    return model


def add_lora(model: BertModel, recipe: Recipe):
    torch.manual_seed(recipe.first_weights_seed)
    return get_peft_model(model, LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules=TARGETS)).to(DEVICE)


def read_collections(folder: Path) -> list[Asked]:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count_tokens(text: str) -> int:
        return len(tokenizer.encode(text).ids)

    def tokens(texts: list[str], limit: int) -> list[list[int]]:
        every = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        return [ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]] for ids in every]

    read = []
    for collection in (collection for corpus in CORPORA for collection in collections(corpus, count_tokens)):
        asked = [(question, sorted(one.places)) for one in collection.asked for question in one.questions]
        read.append(
            Asked(
                tokens([f"{passage.title}\n{passage.text}" for passage in collection.passages], MAX_TOKENS["passage"]),
                tokens([QUERY_PREFIX + question for question, _ in asked], MAX_TOKENS["query"]),
                [places for _, places in asked],
            )
        )
    return read


def embed(model, texts: list[list[int]]) -> torch.Tensor:
    """[texts, dimensions], normalised: the first token's state."""
    ids = torch.zeros(len(texts), max(map(len, texts)), dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = 1
    states = model(input_ids=ids.to(DEVICE), attention_mask=mask.to(DEVICE)).last_hidden_state
    return F.normalize(states[:, 0].float(), dim=-1)


@torch.no_grad()
def nearest_wrong(model, collection: Asked, count: int) -> np.ndarray:
    """[questions, count]: the passages that the base ranks first among those that do not answer."""

    def embed_all(texts: list[list[int]]) -> torch.Tensor:
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        vectors = torch.cat([embed(model, [texts[place] for place in order[at : at + 128]]) for at in range(0, len(order), 128)])
        return vectors[torch.tensor(order, device=DEVICE).argsort()]

    scores = embed_all(collection.questions) @ embed_all(collection.passages).T
    for row, places in enumerate(collection.right):
        scores[row, places] = -1.0
    return scores.topk(min(count, max(1, len(collection.passages) - 1))).indices.cpu().numpy()


def draw(rng: np.random.Generator, every: list[Asked], nearest: list[np.ndarray], recipe: Recipe):
    """(questions, passages, [questions, passages] which answer) of a step, out of some collections."""
    sizes = np.array([len(one.questions) for one in every], float)
    questions, passages, right = [], [], []
    while len(questions) < recipe.questions and len(passages) < recipe.passages:
        number = rng.choice(len(every), p=sizes / sizes.sum())
        collection = every[number]
        picked = rng.permutation(len(collection.questions))[: recipe.questions_at_once]
        shown = dict.fromkeys(place for one in picked for place in collection.right[one][:2])
        for one in picked:
            wrong = nearest[number][one]
            shown |= dict.fromkeys(int(place) for place in rng.choice(wrong, min(len(wrong), recipe.hard_negatives), replace=False))
        shown |= dict.fromkeys(int(place) for place in rng.permutation(len(collection.passages))[: max(0, 2 * recipe.questions_at_once - len(shown))])
        position = {place: len(passages) + n for n, place in enumerate(shown)}
        passages += [collection.passages[place] for place in shown]
        questions += [collection.questions[one] for one in picked]
        right += [[position[place] for place in collection.right[one] if place in position] for one in picked]
    answers = torch.zeros(len(questions), len(passages), dtype=torch.bool)
    for row, places in enumerate(right):
        answers[row, places] = True
    return questions, passages, answers.to(DEVICE)


def contrast(questions: torch.Tensor, passages: torch.Tensor, answers: torch.Tensor, temperature: float) -> torch.Tensor:
    scores = questions @ passages.T / temperature
    return (scores.logsumexp(1) - scores.masked_fill(~answers, -torch.inf).logsumexp(1)).mean()


def write_config(folder: Path, recipe: Recipe) -> None:
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": "BAAI/bge-small-en-v1.5",
        "r": recipe.rank,
        "lora_alpha": recipe.alpha * recipe.kept,
        "target_modules": TARGETS,
        "bias": "none",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")


def write_training(folder: Path, recipe: Recipe, base: Path, **figures) -> None:
    training = {
        "base_sha256": file_sha256(weights_file(base)),
        "adapter_sha256": file_sha256(folder / WEIGHTS),
        **figures,
        "hyperparameters": asdict(recipe),
    }
    (folder / "training.json").write_text(json.dumps(training, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="folder of the encoder")
    parser.add_argument("--out", type=Path, default=ADAPTER, help="folder of the adapter (default: adapters/bge-small-en-v1.5/qa)")
    arguments = parser.parse_args()
    recipe, started = Recipe(), time.time()
    model = add_lora(load_base(arguments.base), recipe)
    every = read_collections(arguments.base)
    nearest = [nearest_wrong(model, one, recipe.nearest) for one in every]

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, weight_decay=0.0, betas=(0.9, 0.98))
    rng = np.random.default_rng(recipe.seed)
    for step in range(recipe.steps):
        rate = min(1.0, (step + 1) / recipe.warmup_steps, (recipe.steps - step) / (recipe.steps * recipe.decay_share))
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * rate
        questions, passages, answers = draw(rng, every, nearest, recipe)
        with torch.autocast(DEVICE, torch.bfloat16, enabled=DEVICE == "cuda"):
            vectors = embed(model, questions), embed(model, passages)
        loss = contrast(*vectors, answers, recipe.temperature)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if (step + 1) % 20 == 0:
            print(f"step {step + 1}/{recipe.steps} loss {loss.item():.4f} seconds {time.time() - started:.0f}", flush=True)

    arguments.out.mkdir(parents=True, exist_ok=True)
    state = {name: value.half().cpu().contiguous() for name, value in get_peft_model_state_dict(model).items()}
    save_file(state, arguments.out / WEIGHTS, metadata={"format": "pt"})
    write_config(arguments.out, recipe)
    write_training(
        arguments.out,
        recipe,
        arguments.base,
        questions=sum(len(one.questions) for one in every),
        passages=sum(len(one.passages) for one in every),
        minutes=round((time.time() - started) / 60, 1),
        loss=round(loss.item(), 4),
    )


if __name__ == "__main__":
    main()
