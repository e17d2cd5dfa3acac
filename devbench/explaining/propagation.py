"""Layer-wise relevance propagation with captum's rules, for the networks that they cover.

Captum has rules for modules; a traced copy of the network is rewritten until it consists of these:
batch normalisation is folded into the convolution before it, additions, rectifiers and means that
are plain calls become modules, a module used twice becomes two. What is left over has no rule.

Rules: epsilon for the first layer (its input has both signs), for the last and for whatever ends
in an addition; gamma (0.25) for a layer whose output is rectified. Source: Montavon et al.,
Layer-Wise Relevance Propagation: An Overview, 2019 (doi 10.1007/978-3-030-28954-6_10), 10.2.
Biases take their part of the relevance; without any, the sum over the input is the logit.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import fx, nn

from devbench.explaining.propagation_rules import EPSILON, GAMMA

LINEAR = (nn.Conv2d, nn.Linear)
POOLS = (nn.MaxPool2d, nn.AdaptiveMaxPool2d)
COVERED = (*LINEAR, *POOLS, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.BatchNorm2d)
GONE = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d)
"""They do nothing when a network is used."""
RESHAPES = ("contiguous", "flatten")
SAME = 1e-3
"""Of the largest logit: float32 against float64 differs by less."""


class Uncovered(Exception):
    """A step of a network has no rule; the message names it."""


class Propagation:
    """A network, made ready for relevance propagation.

    Raises Uncovered where a step has no rule, ImportError where captum is not installed.
    """

    def __init__(self, network: nn.Module) -> None:
        from captum.attr._utils.custom_modules import Addition_Module

        self._addition: type[nn.Module] = Addition_Module
        self._original = network
        self._network = self._rewritten(network)
        self._gamma = self._before_rectifiers()

    def __call__(self, x: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Return the relevance of every value of x for one logit per clip: shaped like x.

        x: [batch, 1, bin, frame], what the network gets. chosen: [batch] class. Raises Uncovered
        where the rewritten network answers otherwise than the one it was made of.
        """
        from captum.attr import LRP
        from captum.attr._utils.lrp_rules import EpsilonRule, GammaRule

        for name, module in self._network.named_modules():
            if isinstance(module, (*COVERED, self._addition)):
                is_gamma = name in self._gamma
                rule = GammaRule(GAMMA) if is_gamma else EpsilonRule(EPSILON)
                module.rule = rule  # captum takes it off again
        with torch.no_grad():
            asked, answer = self._original(x).double(), self._network(x.double())
        if not torch.allclose(answer, asked, rtol=0, atol=SAME * float(asked.abs().max())):
            raise Uncovered("what its steps were rewritten into gives other logits")
        # A clone: captum sets attributes on the tensor that it is given.
        inputs = x.detach().double().clone().contiguous().requires_grad_()
        with torch.enable_grad():
            relevance: torch.Tensor = LRP(self._network).attribute(inputs, target=chosen)
        return relevance.detach().to(x.dtype)

    def _rewritten(self, network: nn.Module) -> fx.GraphModule:
        # In float32, quotients of small activations cost up to 3 % of the largest relevance.
        own = copy.deepcopy(network).eval().double()
        own = own.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        try:
            traced = fx.symbolic_trace(own)
        except Exception as error:  # whatever a stranger's forward does to a proxy
            raise Uncovered(f"its forward cannot be traced ({str(error)[:120]})") from error
        for parameter in traced.parameters():
            parameter.requires_grad_(False)
        counter = iter(range(10**6))
        _unshare(traced, counter)
        _fold_norms(traced)
        for node in list(traced.graph.nodes):
            self._rewrite(traced, node, counter)
        traced.graph.eliminate_dead_code()
        traced.delete_all_unused_submodules()
        traced.recompile()
        return traced

    def _rewrite(self, traced: fx.GraphModule, node: fx.Node, counter: Iterator[int]) -> None:
        if node.op in ("placeholder", "output"):
            return
        if node.op == "call_module":
            self._rewrite_module(traced, node)
            return
        name = getattr(node.target, "__name__", str(node.target))
        replacement: nn.Module | None = None
        if node.target in (operator.add, operator.iadd, torch.add) or name == "add":
            if len([a for a in node.args if isinstance(a, fx.Node)]) == 2 and not node.kwargs:
                replacement = self._addition()
        elif name in ("relu", "relu_"):
            replacement, node.args, node.kwargs = nn.ReLU(), node.args[:1], {}
        elif name == "mean" and _is_global(node):
            with traced.graph.inserting_before(node):
                pooled = _new_module(traced, nn.AdaptiveAvgPool2d(1), node.args[:1], counter)
                flat = traced.graph.call_function(torch.flatten, (pooled, 1))
            node.replace_all_uses_with(flat)
            traced.graph.erase_node(node)
            return
        elif name in RESHAPES:
            return
        if replacement is None:
            raise Uncovered(f"{name!r}{_where(node)} has no rule")
        with traced.graph.inserting_before(node):
            new = _new_module(traced, replacement, node.args, counter)
        node.replace_all_uses_with(new)
        traced.graph.erase_node(node)

    def _rewrite_module(self, traced: fx.GraphModule, node: fx.Node) -> None:
        module = traced.get_submodule(str(node.target))
        if isinstance(module, GONE):
            node.replace_all_uses_with(node.args[0])  # type: ignore[arg-type]
            traced.graph.erase_node(node)
        elif isinstance(module, nn.Flatten):
            with traced.graph.inserting_before(node):
                flat = traced.graph.call_function(torch.flatten, (node.args[0], module.start_dim))
            node.replace_all_uses_with(flat)
            traced.graph.erase_node(node)
        elif type(module) is nn.ReLU or type(module) in COVERED:
            if isinstance(module, nn.ReLU):
                module.inplace = False  # hooks need what was there before
        else:
            raise Uncovered(f"layer {type(module).__name__} ({node.target}) has no rule")

    def _before_rectifiers(self) -> set[str]:
        """Return the layers whose output is rectified, pooled first or not; not the first layer."""
        found = set()
        modules = dict(self._network.named_modules())
        for node in self._network.graph.nodes:
            if node.op != "call_module" or not isinstance(modules[str(node.target)], LINEAR):
                continue
            user, begins = node, node.args[0]
            while isinstance(begins, fx.Node) and begins.op == "call_function":
                begins = begins.args[0]
            if isinstance(begins, fx.Node) and begins.op == "placeholder":
                continue
            while len(user.users) == 1:
                user = next(iter(user.users))
                module = modules.get(str(user.target)) if user.op == "call_module" else None
                if isinstance(module, nn.ReLU):
                    found.add(str(node.target))
                if not isinstance(module, POOLS):
                    break
        return found


def _unshare(traced: fx.GraphModule, counter: Iterator[int]) -> None:
    """Give every use of a module a module of its own: rules and norms belong to one use."""
    seen = set()
    for node in traced.graph.nodes:
        if node.op != "call_module":
            continue
        if node.target in seen:
            name = f"lrp_{next(counter)}"
            traced.add_submodule(name, copy.deepcopy(traced.get_submodule(str(node.target))))
            node.target = name
        seen.add(node.target)


def _fold_norms(traced: fx.GraphModule) -> None:
    """Fold every batch normalisation into the convolution before it."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    modules = dict(traced.named_modules())
    for node in list(traced.graph.nodes):
        before = node.args[0] if node.args else None
        if not isinstance(before, fx.Node) or node.op != "call_module":
            continue
        norm, conv = modules.get(str(node.target)), modules.get(str(before.target))
        if not (isinstance(norm, nn.BatchNorm2d) and isinstance(conv, nn.Conv2d)):
            continue
        if before.op == "call_module" and len(before.users) == 1:
            parent, _, name = str(before.target).rpartition(".")
            fused = fuse_conv_bn_eval(conv, norm)
            setattr(traced.get_submodule(parent), name, fused)
            modules[str(before.target)] = fused
            node.replace_all_uses_with(before)
            traced.graph.erase_node(node)


def _new_module(
    traced: fx.GraphModule, module: nn.Module, args: tuple[Any, ...], counter: Iterator[int]
) -> fx.Node:
    name = f"lrp_{next(counter)}"
    traced.add_submodule(name, module)
    return traced.graph.call_module(name, args)


def _is_global(node: fx.Node) -> bool:
    """Return whether a mean is over bins and frames, kept dimensions aside."""
    dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
    keeps = node.args[2] if len(node.args) > 2 else node.kwargs.get("keepdim", False)
    return isinstance(dim, list | tuple) and tuple(dim) in ((2, 3), (-2, -1)) and not keeps


def _where(node: fx.Node) -> str:
    stack = list(node.meta.get("nn_module_stack", {}).values())
    kind = stack[-1][1] if stack and isinstance(stack[-1], tuple) else None
    return f" in {getattr(kind, '__name__', kind)}" if kind is not None else ""


Explain = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From (x [batch, ...], chosen [batch]) to relevance shaped like x."""
