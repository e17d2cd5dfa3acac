"""A lower bound of the information in statistics on a label, by an auxiliary classifier.

I(y; h) = H(y) - H(y|h) >= H(y) - CE, where CE is the cross-entropy of any classifier q(y|h) on
samples that it was not made from (Wang et al., ICLR 2021, section 3; UMC, arXiv 2410.18322, section
3.2). All in nats. Randomness comes from generators seeded here; nothing global is touched.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from devbench.benchmark.seeds import seed_for
from devbench.errors import DataError
from devbench.explaining.documents import Estimate, Protocol, SeedEstimate

MIN_GROUPS = 12
"""Source events: six to learn from, three to stop by, three to measure on."""
CONSTANT = 1e-4
"""A statistic that varies by less than this share of its size is constant: what is left is float
noise, such as the deviation of 1 behind an InstanceNorm, and standardising would blow it up."""

LEAST_GAIN = 1e-3
"""Nats: an epoch that wins less than this does not put off the end."""


def entropy_nats(labels: torch.Tensor) -> float:
    """Return the entropy of the empirical distribution of labels [sample], in nats."""
    counts = torch.bincount(labels).double()
    shares = counts[counts > 0] / counts.sum()
    return max(0.0, float(-(shares * shares.log()).sum()))


def estimate(
    features: torch.Tensor, labels: torch.Tensor, groups: torch.Tensor, protocol: Protocol
) -> Estimate:
    """Return how much features tell of labels, at least, with one classifier per seed.

    features: [sample, feature]; labels: [sample] from 0; groups: [sample], samples of one group
    (clips of one source event) stay in one of the three parts. Raises DataError for too few groups.
    """
    x, n_labels = features.float(), int(labels.max()) + 1
    found = []
    for seed in protocol.seeds:
        parts = split(groups, protocol, seed)
        train = x[parts.train]
        mean, sd = train.mean(dim=0), train.std(dim=0, correction=0)
        size = train.square().mean(dim=0).sqrt()
        scale = torch.where(sd > CONSTANT * size, sd, torch.inf)  # a constant becomes 0
        standard = (x - mean) / scale
        classifier = AuxiliaryClassifier(standard.shape[1], n_labels, protocol, seed)
        epochs = classifier.fit(standard, labels, parts)
        logits = classifier.logits(standard[parts.measured])
        wanted = labels[parts.measured]
        cost = float(functional.cross_entropy(logits.double(), wanted))
        found.append(
            SeedEstimate(
                seed=seed,
                nats=max(0.0, entropy_nats(wanted) - cost),
                accuracy=float((logits.argmax(dim=1) == wanted).double().mean()),
                epochs=epochs,
            )
        )
    return Estimate.of(found)


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Samples to learn from, to stop by and to measure on: [sample] each; no group is in two."""

    train: torch.Tensor
    stop: torch.Tensor
    measured: torch.Tensor


def split(groups: torch.Tensor, protocol: Protocol, seed: int) -> Parts:
    """Return the three parts of the samples, drawn by group; the same for all layers."""
    names = torch.unique(groups)
    if len(names) < MIN_GROUPS:
        raise DataError(
            f"{len(names)} source events are fewer than the {MIN_GROUPS} of an estimate",
            fix="use a corpus with more test events",
        )
    generator = torch.Generator().manual_seed(seed_for(seed, "explain", "split"))
    drawn = names[torch.randperm(len(names), generator=generator)]
    first = round(protocol.train * len(names))
    second = first + round(protocol.stop * len(names))
    train, stop, measured = (
        torch.nonzero(torch.isin(groups, part))[:, 0]
        for part in (drawn[:first], drawn[first:second], drawn[second:])
    )
    return Parts(train, stop, measured)


class AuxiliaryClassifier:
    """Two hidden layers with ReLU and dropout, and a linear one that starts at zero.

    So it begins by answering the shares of the labels: knowing nothing is its first epoch, and
    what cannot be told is told to be 0.
    """

    def __init__(self, n_features: int, n_labels: int, protocol: Protocol, seed: int) -> None:
        self._protocol = protocol
        self._generator = torch.Generator().manual_seed(seed_for(seed, "explain", "classifier"))
        self._n_labels = n_labels
        sizes = (n_features, protocol.hidden, protocol.hidden)
        self._parameters: list[torch.Tensor] = []
        for n_in, n_out in itertools.pairwise(sizes):
            weight = torch.randn(n_in, n_out, generator=self._generator) * math.sqrt(2 / n_in)
            self._parameters += [weight, torch.zeros(n_out)]
        self._parameters += [torch.zeros(protocol.hidden, n_labels), torch.zeros(n_labels)]

    def logits(self, x: torch.Tensor, *, drops: bool = False) -> torch.Tensor:
        """Return logits [sample, label]; drops: with dropout, as in training."""
        first, first_bias, second, second_bias, last, last_bias = self._parameters
        hidden = self._dropped(torch.relu(torch.addmm(first_bias, x, first)), drops=drops)
        hidden = self._dropped(torch.relu(torch.addmm(second_bias, hidden, second)), drops=drops)
        return torch.addmm(last_bias, hidden, last)

    def _dropped(self, x: torch.Tensor, *, drops: bool) -> torch.Tensor:
        share = self._protocol.dropout
        if not drops or share == 0:
            return x
        kept = torch.rand(x.shape, generator=self._generator) >= share
        return x * kept / (1 - share)

    def fit(self, x: torch.Tensor, labels: torch.Tensor, parts: Parts) -> int:
        """Train until the part to stop by gets no better; keep its best epoch and return it."""
        protocol = self._protocol
        counts = torch.bincount(labels[parts.train], minlength=self._n_labels).float() + 1
        self._parameters[-1] = (counts / counts.sum()).log()
        best, kept = self._cost(x, labels, parts.stop), self._copied()
        best_epoch = gained = 0
        for parameter in self._parameters:
            parameter.requires_grad = True
        optimiser = torch.optim.AdamW(
            self._parameters, lr=protocol.learning_rate, weight_decay=protocol.weight_decay
        )
        for epoch in range(1, protocol.max_epochs + 1):
            order = torch.randperm(len(parts.train), generator=self._generator)
            for rows in torch.split(parts.train[order], protocol.batch):
                cost = functional.cross_entropy(self.logits(x[rows], drops=True), labels[rows])
                optimiser.zero_grad(set_to_none=True)
                cost.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
            now = self._cost(x, labels, parts.stop)
            if best - now > LEAST_GAIN:
                gained = epoch
            if now < best:
                best, kept, best_epoch = now, self._copied(), epoch
            if epoch - gained >= protocol.patience:
                break
        self._parameters = kept
        return best_epoch

    def _copied(self) -> list[torch.Tensor]:
        return [parameter.detach().clone() for parameter in self._parameters]

    def _cost(self, x: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor) -> float:
        with torch.no_grad():
            return float(functional.cross_entropy(self.logits(x[rows]), labels[rows]))
