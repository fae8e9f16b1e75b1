#!/usr/bin/env bash
# Does a GPU run a model with eight adapters, how exactly and how fast? Asked of a machine with an NVIDIA GPU that has nothing and no network:
#   scripts/gpu-check.sh pack FOLDER [MODEL] [--no-cuda]   here (x64 Linux, after `npm run setup`): all that is needed, in parts of at most 60 MB
#   bash FOLDER/gpu-check.sh run FOLDER [--quick]          there, with those parts: result.json and result.md in FOLDER, within ten minutes
# MODEL is the folder of an imported model, .switchyard/models/smollm2-135m-instruct where none is named.
#
# Three archives, each in parts of its own: `check` (Node, the program, the model, onnxruntime with WebGPU), `cuda` (onnxruntime with its CUDA
# provider, out of the wheel onnxruntime-gpu of the same version) and `libraries` (CUDA 13 and cuDNN 9 as the wheel asks for them, 1.4 GB; a machine
# that has its own needs none of these parts).
#
# WebGPU is asked without an NVIDIA GPU, too, where VK_ICD_FILENAMES names a Vulkan driver (another GPU's, or a software renderer's).
#
# Ends with 0: WebGPU and CUDA ran. 1: something did not; why is in the result. 2: called wrongly, or `check` is not whole.
# 3: there is no NVIDIA GPU, and the result says of the rest what it is.
set -euo pipefail
PART_BYTES=60000000
PATH=$PATH:/usr/sbin:/sbin

usage() {
  sed -n '2,4s/^# *//p' "$0" >&2
  exit 2
}

# archive NAME: what lies in the folder NAME of $scratch, in parts, with their digests.
archive() {
  tar -C "$scratch/$1" -c . | gzip -1 | split -b "$PART_BYTES" -d - "$folder/$1.tar.gz."
  (cd "$folder" && sha256sum "$1".tar.gz.* > "$1.sha256")
  rm -rf "${scratch:?}/$1"
}

# program FOLDER LIBRARY…: the program and the packages that it loads, onnxruntime's with these libraries.
program() {
  local to=$1 package=node_modules/onnxruntime-node libraries
  shift
  libraries=$to/$package/bin/napi-v6/linux/x64
  mkdir -p "$libraries" "$to/node_modules/@koromix"
  cp "$root/$package/package.json" "$to/$package/"
  cp "$@" "$libraries/"
  cp -r "$root/node_modules/koffi" "$to/node_modules/"
  cp -r "$root/node_modules/@koromix/koffi-linux-x64" "$to/node_modules/@koromix/"
  "$root/node_modules/.bin/esbuild" "$root/scripts/gpu-check.ts" --bundle --platform=node --format=esm --target=node20 \
    --external:koffi --log-level=error --outfile="$to/gpu-check.mjs"
}

# wheels FOLDER REQUIREMENT…: shared libraries out of Python packages, all in one folder.
wheels() {
  local to=$1 wheel
  shift
  mkdir -p "$to" "$scratch/wheels"
  python3 -m pip download -q --disable-pip-version-check --only-binary :all: -d "$scratch/wheels" "$@"
  for wheel in "$scratch"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$scratch/wheels/content"; done
  find "$scratch/wheels/content" -path '*/nvidia/*' -name '*.so*' -exec mv -t "$to" {} +
  find "$scratch/wheels/content" -path '*/onnxruntime/capi/libonnxruntime*' ! -name '*tensorrt*' -exec mv -t "$to" {} +
  rm -rf "$scratch/wheels"
}

pack() {
  local model cuda=yes argument version golden
  root=$(cd "$(dirname "$0")/.." && pwd)
  model=$root/.switchyard/models/smollm2-135m-instruct
  for argument in "$@"; do if [ "$argument" = --no-cuda ]; then cuda=no; else model=$argument; fi; done
  [ -f "$model/manifest.json" ] || { echo "$model holds no imported model; npx switchyard models list tells of those that are there" >&2; exit 2; }
  mkdir -p "$folder"
  rm -f "$folder"/*.tar.gz.* "$folder"/*.sha256
  cp "$0" "$folder/"
  program "$scratch/check" "$root"/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1
  cp -L "$(command -v node)" "$scratch/check/node"
  mkdir -p "$scratch/check/model" "$scratch/check/vulkan"
  cp "$model"/{manifest.json,model.onnx,model.half.onnx,model.onnx.data,shared.onnx.data} "$scratch/check/model/"
  golden=$root/tests/parity/goldens/logits/$(basename "$model").json.gz
  [ ! -f "$golden" ] || cp "$golden" "$scratch/check/model/texts.json.gz"
  cp -L "$(ldconfig -p | awk '/libvulkan.so.1 .*x86-64/ { print $NF; exit }')" "$scratch/check/vulkan/libvulkan.so.1" 2>/dev/null ||
    cp /usr/lib/chromium/libvulkan.so.1 "$scratch/check/vulkan/" 2>/dev/null ||
    echo 'No Vulkan loader is here to be packed (apt-get install libvulkan1): the other machine has to have one.' >&2
  archive check
  if [ "$cuda" = yes ]; then
    version=$(node -p 'require(process.argv[1]).version' "$root/node_modules/onnxruntime-node/package.json")
    wheels "$scratch/libraries" "onnxruntime-gpu[cuda,cudnn]==$version"
    mkdir "$scratch/provider"
    mv "$scratch"/libraries/libonnxruntime* "$scratch/provider/"
    mv "$scratch/provider/libonnxruntime.so.$version" "$scratch/provider/libonnxruntime.so.1"
    program "$scratch/cuda" "$scratch"/provider/*
    archive cuda
    archive libraries
  fi
  du -ch "$folder"/*.tar.gz.* | tail -1
}

# unpack NAME FOLDER: fails where a part is missing or damaged.
unpack() {
  [ -f "$folder/$1.sha256" ] || return 1
  (cd "$folder" && sha256sum --quiet -c "$1.sha256" >&2) || return 1
  mkdir -p "$2"
  cat "$folder/$1".tar.gz.* | tar -xz -C "$2"
}

run() {
  local here found driver
  unpack check "$scratch/check" || { echo 'check: parts are missing or damaged' >&2; exit 2; }
  unpack cuda "$scratch/check/cuda" || rm -rf "$scratch/check/cuda"
  unpack libraries "$scratch/libraries" || rm -rf "$scratch/libraries"
  # Containers bring the driver's Vulkan library (its X-less name first), and often neither a loader nor the file that tells of the driver.
  here=$(ldconfig -p)
  if [[ $here == *libvulkan.so.1* ]]; then rm -rf "$scratch/check/vulkan"; fi
  driver=$(grep -oE 'lib(EGL|GLX)_nvidia\.so\.0' <<< "$here" | sort | head -1 || true)
  if [ -n "$driver" ] && [ -z "${VK_ICD_FILENAMES:-}" ] && ! ls {/usr/share,/etc}/vulkan/icd.d/*nvidia*.json >/dev/null 2>&1; then
    export VK_ICD_FILENAMES=$scratch/nvidia.json
    printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.3.0"}}' "$driver" > "$VK_ICD_FILENAMES"
  fi
  found=$(find /usr /opt -name 'libcublasLt.so.13' -printf '%h:' -o -name 'libcurand.so.10' -printf '%h:' -o -name 'libcudart.so.13' -printf '%h:' \
    -o -name 'libcudnn.so.9' -printf '%h:' 2>/dev/null || true)
  export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$scratch/check/vulkan:$scratch/libraries:$found
  "$scratch/check/node" "$scratch/check/gpu-check.mjs" "$folder" "$@"
}

[ $# -ge 2 ] || usage
command=$1 folder=$2
shift 2
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
case $command in
  pack) pack "$@" ;;
  run) run "$@" ;;
  *) usage ;;
esac
