#!/usr/bin/env bash
# All that is to be measured on a GPU, in an environment of its own, into experiments/results.
#
#   experiments/bench/gpu.sh                 on a machine with an NVIDIA GPU: about two hours
#   QUICK=1 experiments/bench/gpu.sh         the same programs for some seconds each, on any machine
#
# PEAK: TFLOP/s of the card in float32 without sparsity, from its data sheet (H200: 67).
set -euo pipefail
cd "$(dirname "$0")/../.."
environment=${ENVIRONMENT:-build/gpu}
results=${RESULTS:-experiments/results}
export PYTHONPATH=$PWD:$PWD/experiments/bench
if [ -n "${QUICK:-}" ]; then
  export JAX_PLATFORMS=${JAX_PLATFORMS:-cpu}
  extras=train; quick=(--quick); steps=20; batch=16
  short=(--config.warm_start.steps=10)  # of these steps
else
  extras=cuda; quick=(); steps=${STEPS:-20000}; batch=${BATCH:-512}; short=()
fi
if [ ! -x "$environment/bin/python" ]; then
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet ".[$extras]" torch
  # Where they install: ONNX Runtime on CUDA, and TensorRT for it.
  [ -n "${QUICK:-}" ] || "$environment/bin/pip" install --quiet onnxruntime-gpu tensorrt || true
fi
python=$environment/bin/python
"$python" experiments/bench/accelerator.py "${quick[@]}" --peak "${PEAK:-0}" \
  --trace "$environment/trace" --output "$results/accelerator.json"
# The five rows of Table 1 at the batch of an accelerator, one after the other; resumable.
for name in cnn cnn_aux cnn_aux_sn cnn_sa cnn_aux_sa_sn; do
  "$python" -m calojax.main --config="$name" --workdir="$environment/runs/$name" \
    --config.train.steps="$steps" --config.train.batch="$batch" "${short[@]}" \
    --config.train.monitor_every="$steps" --config.train.checkpoint_every="$steps"
done
