#!/bin/sh
# One call on a machine with a GPU, planned for less than 10 minutes on an H100 or H200:
# the rate of UMC's training at the paper's size, then a whole `paper` run on sim7-75 with its table.
#
#     sh benchmarks/speed/paper_on_gpu.sh [STORE]      (default .devbench; a killed call goes on)
#
# Without a GPU it ends at once and says so: the paper's converter takes days on a few cores.
set -eu
store=${1:-.devbench}
python -c 'import sys, torch; sys.exit(None if torch.cuda.is_available() else "no CUDA device here: the paper budget is for a GPU")'
python benchmarks/speed/converter_training.py --budget paper --batch 400 --device cuda
for method in baseline umc-real; do
    devbench run --method "$method" --benchmark sim7-75 --source iphone14 --budget paper \
        --device cuda --store "$store"
done
devbench leaderboard --benchmark sim7-75 --store "$store"
