"""Trains one sample adapter: `python train.py NAME --base MODEL.gguf [--out FOLDER]`."""

import argparse
import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Iterator

import torch
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file

from base_model import file_sha256, load_model, load_tokenizer, special_tokens
from calls_corpus import make_calls_pack
from docs_corpus import DocsWorld
from examples import Pack, make_pack
from packing import batch_loss, pack_tokens, stack
from recipes import RECIPES, Phase, Recipe, base_id
from support_corpus import SupportWorld
from written_corpus import make_written_pack

WORLDS = {"support": SupportWorld, "docs": DocsWorld}
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ADAPTERS = Path(__file__).parent.parent
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CHECKPOINT_STEPS = 20 if DEVICE == "cuda" else 2


def steps(phase: Phase, token_count) -> Iterator[list[tuple[str, Pack]]]:
    """The packs of each step, each with the name of its corpus."""
    rng = Random(phase.seed)
    names, shares = zip(*phase.corpora)
    for _ in range(phase.steps):
        step = []
        for corpus in rng.choices(names, shares, k=phase.packs):
            if corpus in WORLDS:
                pack = make_pack(rng, [WORLDS[corpus]], phase.shape, token_count)
            elif corpus == "calls":
                pack = make_calls_pack(rng, phase.corpora, phase.shape, token_count)
            else:
                pack = make_written_pack(rng, corpus, phase.shape, token_count)
            step.append((corpus, pack))
        yield step


def add_lora(model, recipe: Recipe, parent: Path | None):
    torch.manual_seed(recipe.phases[0].seed)
    config = LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules=TARGETS, task_type="CAUSAL_LM")
    lora = get_peft_model(model, config)
    if parent:
        set_peft_model_state_dict(lora, load_file(parent))
    for parameter in lora.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return lora


def save_adapter(lora, recipe: Recipe, base: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.to(torch.float16).contiguous() for name, value in get_peft_model_state_dict(lora).items()}
    save_file(state, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": recipe.rank,
        "lora_alpha": recipe.alpha,
        "target_modules": TARGETS,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "use_rslora": False,
        "use_dora": False,
        "modules_to_save": None,
        "inference_mode": True,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")


def learning_rate(phase: Phase, step: int) -> float:
    """Warm up, stay, and fall in a straight line to nothing: what is learnt by the middle does not depend on the length."""
    decay_steps = max(1, round(phase.steps * phase.decay_share))
    return phase.learning_rate * min(1.0, (step + 1) / phase.warmup_steps, (phase.steps - step) / decay_steps)


def update_hash(digest, pack: Pack) -> None:
    digest.update(json.dumps([[p.title, p.text] for p in pack.passages or ()]).encode())
    if pack.functions:
        digest.update(json.dumps(pack.functions).encode())
    digest.update(json.dumps([e.turns for e in pack.examples]).encode())


@dataclass
class Progress:
    """All that an interrupted training needs to go on, beside the seeds."""

    phase: int = 0
    step: int = 0  # of the phase, done
    examples: int = 0
    tokens: int = 0
    loss: float | None = None
    seconds: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("--base", type=Path, required=True, help="the GGUF file of the base model")
    parser.add_argument("--out", type=Path, help="folder of the adapter (default: adapters/BASE/NAME)")
    parser.add_argument("--checkpoint", type=Path, help="file to go on from after an interruption (default: beside the base model)")
    arguments = parser.parse_args()
    recipe, base = RECIPES[arguments.name], base_id(arguments.base)
    out = arguments.out or ADAPTERS / base / arguments.name
    checkpoint = arguments.checkpoint or arguments.base.with_name(f"{arguments.base.stem}.{arguments.name}.checkpoint.pt")

    parent = out.parent / recipe.parent / "adapter_model.safetensors" if recipe.parent else None
    if parent and not parent.exists():
        parser.error(f"{arguments.name} goes on from {recipe.parent}, which is not in {out.parent}: train that first")
    tokenizer, specials = load_tokenizer(arguments.base), special_tokens(arguments.base)
    torch.set_float32_matmul_precision("high")  # TF32 where the device has it
    lora = add_lora(load_model(arguments.base, getattr(torch, recipe.precision)), recipe, parent).to(DEVICE)
    lora.set_attn_implementation("packed")
    lora.train()
    trained = {name: parameter for name, parameter in lora.named_parameters() if parameter.requires_grad}
    progress, saved = Progress(), torch.load(checkpoint, map_location=DEVICE) if checkpoint.exists() else None
    if saved:
        progress = Progress(**saved["progress"])
        for name, values in saved["lora"].items():
            trained[name].data.copy_(values)

    def count_tokens(text: str) -> int:
        return len(tokenizer.encode(text).ids)

    digest, last = hashlib.sha256(), time.time()
    for number, phase in enumerate(recipe.phases):
        optimizer = torch.optim.AdamW(trained.values(), lr=phase.learning_rate, weight_decay=0.0, betas=(0.9, 0.98))
        if saved and number == progress.phase:
            optimizer.load_state_dict(saved["optimizer"])
        for step, drawn in enumerate(steps(phase, count_tokens)):
            for _, pack in drawn:
                update_hash(digest, pack)
            if (number, step) < (progress.phase, progress.step):
                continue
            packed = [pack_tokens(tokenizer, recipe.instructions_of(corpus), pack, specials, recipe.max_pack_tokens) for corpus, pack in drawn]
            targets, value = sum(len(one.targets) for one in packed), 0.0
            for some in [packed] if DEVICE == "cuda" else [[one] for one in packed]:  # one at a time fits 16 GB
                loss = batch_loss(lora.base_model.model, stack(some)) * (sum(len(one.targets) for one in some) / targets)
                loss.backward()
                value += loss.item()
            torch.nn.utils.clip_grad_norm_(trained.values(), 1.0)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(phase, step)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

            now = time.time()
            progress = Progress(
                phase=number,
                step=step + 1,
                examples=progress.examples + sum(one.examples for one in packed),
                tokens=progress.tokens + sum(one.ids.shape[0] for one in packed),
                loss=value if progress.loss is None else 0.95 * progress.loss + 0.05 * value,
                seconds=progress.seconds + now - last,
            )
            last = now
            if (step + 1) % CHECKPOINT_STEPS == 0:
                torch.save({"progress": asdict(progress), "lora": trained, "optimizer": optimizer.state_dict()}, checkpoint)
                print(f"phase {number + 1} step {step + 1}/{phase.steps} loss {progress.loss:.4f} examples {progress.examples} seconds {progress.seconds:.0f}", flush=True)

    save_adapter(lora, recipe, base, out)
    training = {
        "name": arguments.name,
        "base": {"model": base, "sha256": file_sha256(arguments.base)},
        "parent_sha256": file_sha256(parent) if parent else None,
        "adapter_sha256": file_sha256(out / "adapter_model.safetensors"),
        "data_sha256": digest.hexdigest(),
        "examples": progress.examples,
        "tokens": progress.tokens,
        "final_loss": round(progress.loss, 4),
        "minutes": round(progress.seconds / 60, 1),
        "hyperparameters": {**asdict(recipe), "targets": TARGETS, "optimizer": "AdamW, linear decay at the end", "device": "CUDA, float32 products as TF32" if DEVICE == "cuda" else "CPU"},
    }
    (out / "training.json").write_text(json.dumps(training, indent=2) + "\n")
    checkpoint.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
