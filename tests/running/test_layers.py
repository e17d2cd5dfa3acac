"""Layers are found in any network, noted once, and left out where their rows are no clips."""

from __future__ import annotations

import torch
from torch import nn

from devbench.running.layers import Recorder, last_weighted, networks_of, pooled, units


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv(x)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
            nn.Conv2d(4, 4, 3, stride=2, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.blocks = nn.ModuleList([Block(), Block()])
        self.classifier = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        y: torch.Tensor = self.classifier(x.mean(dim=(2, 3)))
        return y


def test_a_layer_is_a_convolution_with_what_follows_it() -> None:
    network = Network()
    found = dict(units(network))
    assert list(found) == ["stem.0", "stem.3", "blocks.0", "blocks.1", "classifier"]
    assert found["stem.0"] is network.stem[2]  # behind norm and activation
    assert found["blocks.0"] is network.blocks[0]


def test_rows_are_clips_in_order() -> None:
    network, recorder = Network().eval(), Recorder()
    x = torch.randn(6, 1, 8, 10, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), recorder.watching(units(network)):
        for part in torch.split(x, 4):
            network(part)
            recorder.end_batch(len(part))
        expected = torch.relu(network.stem[:2](x)).mean(dim=(2, 3))
    found = dict(recorder.statistics(6))
    assert list(found) == ["stem.0", "stem.3", "blocks.0", "blocks.1"]  # no [clip, class]
    assert recorder.shapes["stem.3"] == (4, 4, 5)
    assert torch.allclose(found["stem.0"]["channel"][:, :4], expected, atol=1e-5)
    with torch.no_grad():
        network(x)  # nobody watches any more
    assert len(dict(recorder.statistics(6))) == 4


def test_a_layer_that_is_not_used_once_per_clip_is_left_out() -> None:
    network, recorder = Network().eval(), Recorder(only=["stem.0", "blocks.1"])
    with torch.no_grad(), recorder.watching(units(network)):
        network(torch.zeros(2, 1, 8, 8))
        network.stem(torch.zeros(2, 1, 8, 8))
        recorder.end_batch(2)
    assert list(dict(recorder.statistics(2))) == ["blocks.1"]


def test_the_embedding_is_the_input_of_the_last_layer() -> None:
    network = Network().eval()
    assert last_weighted(network, lambda: network(torch.zeros(1, 1, 8, 8))) is network.classifier
    assert pooled(torch.ones(2, 3, 4, 5), nn.Conv2d(3, 1, 1)).shape == (2, 3)
    assert pooled(torch.ones(2, 7, 3), nn.Linear(3, 1)).shape == (2, 3)  # tokens
    assert pooled(torch.ones(2, 3, 7), nn.Conv1d(3, 1, 1)).shape == (2, 3)


def test_behind_a_convolution_over_time_channels_come_first_and_else_tokens() -> None:
    over_time = nn.Sequential(nn.Flatten(1, 2), nn.Conv1d(8, 3, 3), nn.BatchNorm1d(3), nn.ReLU())
    over_tokens = nn.Sequential(nn.Flatten(1, 2), nn.Linear(10, 3), nn.ReLU())
    for network, last, shape in ((over_time, "1", (3, 1, 8)), (over_tokens, "1", (3, 1, 8))):
        network.eval()
        recorder = Recorder()
        with torch.no_grad(), recorder.watching(units(network), backbone=network):
            network(torch.randn(2, 1, 8, 10))
            recorder.end_batch(2)
        assert recorder.shapes == {last: shape}


def test_networks_are_found_in_lists_too() -> None:
    class Method:
        def __init__(self) -> None:
            self.number, self.networks = 1, [Block(), Block()]
            self.network = Network()

    method = Method()
    assert networks_of(method) == [*method.networks, method.network]
