"""The published evaluation of one-shot EQ, repeated: python -m devbench_benchmarks.one_shot_eq."""
