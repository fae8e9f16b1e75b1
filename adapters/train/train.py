"""Trains one sample adapter: `python train.py NAME --base MODEL.gguf [--out FOLDER]`."""

import argparse
import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path
from random import Random

import torch
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

from base_model import file_sha256, load_model, load_tokenizer, special_tokens
from docs_corpus import DocsWorld
from examples import Pack, make_pack
from packing import pack_loss, pack_tokens
from recipes import RECIPES, Phase, Recipe
from support_corpus import SupportWorld

WORLDS = {"support": SupportWorld, "docs": DocsWorld}
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
BASE_MODEL_ID = "smollm2-135m-instruct"


def packs(phase: Phase, token_count):
    rng = Random(phase.seed)
    names, shares = zip(*phase.corpora)
    for _ in range(phase.steps):
        world = WORLDS[rng.choices(names, shares)[0]]
        yield make_pack(rng, [world], phase.shape, token_count)


def add_lora(model, recipe: Recipe):
    torch.manual_seed(recipe.phases[0].seed)
    config = LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules=TARGETS, task_type="CAUSAL_LM")
    lora = get_peft_model(model, config)
    for parameter in lora.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return lora


def save_adapter(lora, recipe: Recipe, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.to(torch.float16).contiguous() for name, value in get_peft_model_state_dict(lora).items()}
    save_file(state, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": BASE_MODEL_ID,
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
    digest.update(json.dumps([[p.title, p.text] for p in pack.passages]).encode())
    digest.update(json.dumps([e.turns for e in pack.examples]).encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("--base", type=Path, required=True, help="the GGUF file of the base model")
    parser.add_argument("--out", type=Path, help="folder of the adapter (default: adapters/NAME)")
    arguments = parser.parse_args()
    recipe = RECIPES[arguments.name]
    out = arguments.out or Path(__file__).parent.parent / arguments.name

    tokenizer, specials = load_tokenizer(arguments.base), special_tokens(arguments.base)
    model = load_model(arguments.base, torch.bfloat16)
    model.set_attn_implementation("packed")
    lora = add_lora(model, recipe)
    lora.train()
    trained = [parameter for parameter in lora.parameters() if parameter.requires_grad]
    def count_tokens(text: str) -> int:
        return len(tokenizer.encode(text).ids)

    digest, examples, tokens, running, started = hashlib.sha256(), 0, 0, None, time.time()
    for number, phase in enumerate(recipe.phases, start=1):
        optimizer = torch.optim.AdamW(trained, lr=phase.learning_rate, weight_decay=0.0, betas=(0.9, 0.98))
        for step, pack in enumerate(packs(phase, count_tokens)):
            packed = pack_tokens(tokenizer, recipe.instructions, pack, specials, recipe.max_pack_tokens)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = pack_loss(lora.base_model.model, packed)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(phase, step)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

            update_hash(digest, pack)
            examples += len(packed.spans)
            tokens += packed.ids.shape[1]
            running = loss.item() if running is None else 0.95 * running + 0.05 * loss.item()
            if (step + 1) % 10 == 0:
                elapsed = time.time() - started
                print(f"phase {number} step {step + 1}/{phase.steps} loss {running:.4f} examples {examples} seconds {elapsed:.0f}", flush=True)

    save_adapter(lora, recipe, out)
    training = {
        "name": arguments.name,
        "base": {"model": BASE_MODEL_ID, "sha256": file_sha256(arguments.base)},
        "adapter_sha256": file_sha256(out / "adapter_model.safetensors"),
        "data_sha256": digest.hexdigest(),
        "examples": examples,
        "tokens": tokens,
        "final_loss": round(running, 4),
        "minutes": round((time.time() - started) / 60, 1),
        "hyperparameters": {**asdict(recipe), "targets": TARGETS, "optimizer": "AdamW, linear decay at the end", "precision": "bf16 base, fp32 LoRA"},
    }
    (out / "training.json").write_text(json.dumps(training, indent=2) + "\n")


if __name__ == "__main__":
    main()
