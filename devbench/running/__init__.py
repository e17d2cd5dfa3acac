"""One run: plan, stage, fit, predict, score, record, notify."""
