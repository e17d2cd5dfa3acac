"""Why a run scores what it scores: pure calculation on arrays, and the documents that keep it."""
