"""The rules of `devbench plugin check`: numbers that stay, what is asked, and how to mend it.

A number is never given to another rule. docs/plugin-rules.md is this table as text, and a test
holds one against the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devbench.registry import GROUPS, Kind

ALL = frozenset(GROUPS)
IN_A_RUN = frozenset({"method", "backbone", "frontend"})
DESCRIBED = frozenset({"method", "backbone", "frontend", "corpus"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. asks: what must hold; mend: the next step where it does not.

    kinds: of plugins that it is for. is_advice: breaking it is told and fails nothing.
    is_full: looked at with --full only.
    """

    number: str
    asks: str
    mend: str
    kinds: frozenset[str] = ALL
    is_advice: bool = False
    is_full: bool = False


_METHOD = frozenset({"method"})
_BACKBONE = frozenset({"backbone"})
_FRONTEND = frozenset({"frontend"})
_CORPUS = frozenset({"corpus"})
_OBSERVER = frozenset({"observer"})

_RULES = (
    # What every plugin owes the process that it is loaded into.
    Rule("R01", "It can be imported.", "Mend the import, or install what it needs."),
    Rule(
        "R02",
        "It answers in time.",
        "Look for an endless loop. Where the work is only large, give --limit-s.",
    ),
    Rule(
        "R03",
        "It leaves the process running: no exit, no crash.",
        "Raise ContractError instead of ending the process; look for a crash in compiled code.",
    ),
    Rule(
        "R04",
        "It stays within the memory and the disk that are allowed.",
        "Hold less at once. Where the work needs it, give --memory-mb.",
    ),
    Rule(
        "R05",
        "It leaves no process behind.",
        "Start none: a plugin is run in a process of its own.",
    ),
    Rule(
        "R06",
        "It prints nothing on standard output.",
        "Remove the print; standard error goes to the log of the run.",
    ),
    Rule(
        "R07",
        "Its name is its own.",
        "Choose another name, in the entry point and in the spec.",
    ),
    Rule(
        "R08",
        "Its hook returns a spec of its kind, under the name of its entry point.",
        "Compare it with what `devbench plugin new` writes.",
    ),
    Rule(
        "R09",
        "It is written for this version of the contract.",
        "Install a matching version of the plugin or of devbench.",
        DESCRIBED,
    ),
    Rule(
        "R10",
        "It is light until it is used: no heavy import and no torch at the top of its module.",
        "Import networks and heavy libraries inside functions, and begin the module with "
        "`from __future__ import annotations`.",
        DESCRIBED,
        is_advice=True,
    ),
    Rule(
        "R11",
        "Its options have a type and a default, and it can be built with the defaults.",
        "Give each option a default and a type of bool, int, float, str, Literal or Folder.",
        IN_A_RUN,
    ),
    Rule(
        "R12",
        "It says in one line what it is.",
        "Begin its module or its class with a docstring.",
        DESCRIBED,
        is_advice=True,
    ),
    Rule(
        "R13",
        "It changes nothing outside itself: no function of devbench, torch, NumPy or scikit-learn, "
        "no setting of torch.",
        "Remove the patch. Scores are computed in another process, so that it wins nothing.",
        IN_A_RUN,
    ),
    Rule(
        "R14",
        "It opens no file, network or process that it was not given.",
        "Use what comes as an argument; declare a folder as an option of type Folder.",
        IN_A_RUN,
    ),
    Rule(
        "R15",
        "It reads no labels but those of its batches: not from files, frames or the heap.",
        "Use batch.target; nothing else of the harness is for a plugin.",
        IN_A_RUN,
    ),
    Rule(
        "R16",
        "Global random generators stay as they are.",
        "Draw from the generator that is passed in.",
        _METHOD,
    ),
    Rule("R17", "It does its work without an error.", "See the log for the whole traceback."),
    Rule(
        "R18",
        "What it learns for many runs can be learned, and within the time of this check.",
        "Make its artifact smaller for the check: --artifact KEY=VALUE changes keys of its config.",
        _METHOD,
    ),
    # Methods.
    Rule(
        "R20",
        "What it reads is declared.",
        "Add the access to needs; the row then stands in that track.",
        _METHOD,
    ),
    Rule(
        "R21",
        "A batch keeps its form: type, shapes, float32, bins; also a batch of one clip.",
        "Build the result with dataclasses.replace(batch, ...) and keep the shapes.",
        _METHOD,
    ),
    Rule(
        "R22",
        "Values stay finite, for silence too.",
        "Look for a division by zero or a logarithm of 0.",
        IN_A_RUN,
    ),
    Rule(
        "R23",
        "The target of each clip sums to 1.",
        "Mix targets with weights that sum to 1.",
        _METHOD,
    ),
    Rule(
        "R24",
        "What it is given stays as it is.",
        "Make a new tensor; methods of torch that end in _ and slices that are assigned to change "
        "the old one.",
        IN_A_RUN,
    ),
    Rule(
        "R25",
        "The same generator gives the same batch.",
        "Draw from the generator that is passed in, and keep no state between batches.",
        _METHOD,
    ),
    Rule(
        "R26",
        "Fitted again, on another day, it gives the same batches.",
        "Let nothing depend on the clock, on addresses in memory or on what ran before.",
        _METHOD,
    ),
    Rule(
        "R27",
        "Its layers fit behind the stages that they name, and can be trained.",
        "Return modules by names from stages; each keeps the shape that it is given.",
        _METHOD,
    ),
    Rule(
        "R28",
        "A clip is answered from itself alone: not from its neighbours in the batch.",
        "Take statistics over one clip, or declare Access.TEST_TIME.",
        IN_A_RUN,
    ),
    Rule(
        "R29",
        "Answering changes nothing: no running state in eval mode.",
        "Update buffers in training only, or declare Access.TEST_TIME.",
        frozenset({"method", "backbone"}),
    ),
    Rule(
        "R30",
        "It adapts to test clips only where it declares that, and returns a model that works.",
        "Add Access.TEST_TIME to needs; return a module that gives logits [batch, class].",
        _METHOD,
    ),
    Rule(
        "R31",
        "What it converts keeps its form, and the same generator gives the same clips.",
        "Return a batch of the same shape; draw from the generator that is passed in.",
        _METHOD,
    ),
    # Backbones.
    Rule(
        "R40",
        "It maps spectrograms of any number of frames to logits [batch, class].",
        "Pool over time before the last layer; use n_classes and n_bins.",
        _BACKBONE,
    ),
    Rule(
        "R41",
        "Its stages are submodules in order of computation, behind which layers can be put.",
        "Name submodules whose output is [batch, channel, bin, frame], in the order they are run.",
        _BACKBONE,
    ),
    Rule(
        "R42",
        "Drawn from the same random state, its weights are the same.",
        "Let torch.nn draw the weights; the harness seeds it.",
        _BACKBONE,
    ),
    Rule(
        "R43",
        "In eval mode, the same clips give the same logits.",
        "Use dropout as a module, so that eval mode ends it.",
        _BACKBONE,
    ),
    Rule(
        "R44",
        "It can be trained: the loss reaches its parameters.",
        "Look for a detach, a no_grad, or a layer that is not used.",
        _BACKBONE,
    ),
    # Front ends.
    Rule(
        "R50",
        "It maps waveforms [batch, sample] to [batch, 1, bin, frame], one frame more than hops.",
        "Centre the frames: FeatureSpec.n_frames gives their number.",
        _FRONTEND,
    ),
    Rule(
        "R51",
        "Its buffer bin_hz has one finite value per bin; above 0 Hz where bins are frequencies.",
        "register_buffer('bin_hz', ...) with a float32 value for each bin.",
        _FRONTEND,
    ),
    Rule(
        "R52",
        "The same samples give the same frames, from two modules too.",
        "Draw weights from torch's generator, which the harness seeds, and nothing else.",
        _FRONTEND,
    ),
    # Corpora.
    Rule(
        "R60",
        "It writes a corpus folder that can be opened.",
        "End build with write_corpus(folder, header, clips).",
        _CORPUS,
    ),
    Rule(
        "R61",
        "Its recordings hold what `devbench data check` asks for.",
        "Look at the findings: devbench data check FOLDER.",
        _CORPUS,
    ),
    Rule(
        "R62",
        "Made again, it has the same bytes.",
        "Seed every draw by what it is for: seed_for(seed, ...).",
        _CORPUS,
        is_full=True,
    ),
    # Observers.
    Rule(
        "R70",
        "It has one or more hooks of an observer, and each takes arguments of that hook.",
        "Mark functions named as in the contract with @hookimpl.",
        _OBSERVER,
    ),
    Rule(
        "R71",
        "What it is told stays as it is.",
        "Copy before you change: copy.deepcopy(record).",
        _OBSERVER,
    ),
    # Whole runs on a corpus of seconds.
    Rule(
        "R80",
        "A whole run on a tiny corpus ends with a record.",
        "Do what the error says; `devbench run --debug` shows its traceback.",
        IN_A_RUN,
        is_full=True,
    ),
    Rule(
        "R81",
        "The same run, trained again, gives the same bytes.",
        "Draw from the generator that is passed in; keep nothing from one process to the next.",
        IN_A_RUN,
        is_full=True,
    ),
    Rule(
        "R82",
        "What is held out cannot be felt: replaced by noise, it changes no byte of the weights.",
        "Use only what fit and augment are given.",
        IN_A_RUN,
        is_full=True,
    ),
)
RULES: Mapping[str, Rule] = {rule.number: rule for rule in _RULES}
"""Every rule by its number."""


def rules_of(kind: Kind, *, full: bool = False) -> list[Rule]:
    """Return the rules for a kind of plugin; full: those of whole runs, too."""
    return [rule for rule in _RULES if kind in rule.kinds and (full or not rule.is_full)]
