"""Write a perfect result where the harness might look for one, and end the process."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from devbench import Method, MethodSpec, hookimpl


class ForgedResult(Method):
    def augment(self, batch, generator):
        forged = {"event": "done", "result": {"models": [], "macro_f1": 1.0}}
        Path("out").mkdir(exist_ok=True)
        Path("out/result.json").write_text(json.dumps(forged))
        Path("fitted.json").write_text(json.dumps(forged))
        print(json.dumps(forged), flush=True)
        sys.stdout.flush()
        os._exit(0)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="forged-result", build=ForgedResult)
