"""The part of an OFA that looks at pictures: a ResNet of bottleneck blocks without its fourth stage."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models.resnet import Bottleneck

from vidal.models.ofa.config import BLOCKS, OFAConfig

REDUCTION = 16
"""Pixels per feature, along each side."""


class Trunk(nn.Module):
    """Pictures [n, 3, H, W] to features [n, 16 * resnet_width, H / 16, W / 16], rounded up."""

    def __init__(self, config: OFAConfig) -> None:
        super().__init__()
        width = config.resnet_width
        first, second, third = BLOCKS[config.resnet_type]
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(width, width, first, stride=1)
        self.layer2 = _stage(4 * width, 2 * width, second, stride=2)
        self.layer3 = _stage(8 * width, 4 * width, third, stride=2)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        stem = self.pool(torch.relu(self.bn1(self.conv1(pictures))))
        return self.layer3(self.layer2(self.layer1(stem)))


def _stage(inside: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    """Blocks of the inner `width` and four times as many channels outside; the first halves and has a shortcut."""
    outside = width * Bottleneck.expansion
    shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride=stride, bias=False), nn.BatchNorm2d(outside))
    rest = (Bottleneck(outside, width) for _ in range(blocks - 1))
    return nn.Sequential(Bottleneck(inside, width, stride, shortcut), *rest)
