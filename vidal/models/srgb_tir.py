"""The sRGB-TIR generator: an image-to-image network that keeps a picture's content and takes its style from a vector.

Two generators of this one architecture make a translator: `a` speaks thermal, `b` speaks RGB; a thermal picture is
what decoder a makes of the content that encoder b found. Parameter names are those of the published weights. All
pictures are float [n, 3, H, W] in -1..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import instance_norm


@dataclass(frozen=True)
class GeneratorConfig:
    """Sizes of a generator; the defaults are those of the published weights."""

    dim: int = 64
    mlp_dim: int = 256
    style_dim: int = 8
    n_downsample: int = 2
    n_res: int = 4

    @property
    def content_dim(self) -> int:
        """Channels of the content."""
        return self.dim * 2**self.n_downsample


class InstanceNorm(nn.Module):
    """Each channel of each sample to mean 0 and variance 1; no parameters."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return instance_norm(x, eps=1e-5)


class AdaptiveInstanceNorm(nn.Module):
    """Instance norm whose scale and shift [n, channels] are set from outside before each pass.

    The two buffers exist in the published files and have no influence.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.weight: torch.Tensor | None = None
        self.bias: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return instance_norm(x, eps=1e-5) * self.weight[..., None, None] + self.bias[..., None, None]


class SampleNorm(nn.Module):
    """Each sample, over all channels, to mean 0 and unbiased deviation 1, then scale and shift per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        deviation = x.std(dim=(1, 2, 3), keepdim=True)
        centred = (x - x.mean(dim=(1, 2, 3), keepdim=True)) / (deviation + 1e-5)
        return centred * self.gamma[:, None, None] + self.beta[:, None, None]


class Block(nn.Module):
    """Reflection pad, convolution, norm, activation."""

    def __init__(
        self, inside: int, outside: int, kernel: int, stride: int, pad: int,
        norm: nn.Module | None = None, activation: nn.Module | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.pad = nn.ReflectionPad2d(pad)
        self.conv = nn.Conv2d(inside, outside, kernel, stride)
        self.norm = norm or nn.Identity()
        self.activation = activation or nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.norm(self.conv(self.pad(x))))


class Residual(nn.Module):
    """Two 3x3 blocks around which the input is carried."""

    def __init__(self, channels: int, norm: type[nn.Module]) -> None:
        super().__init__()
        settings = [channels] if norm is AdaptiveInstanceNorm else []
        self.model = nn.Sequential(
            Block(channels, channels, 3, 1, 1, norm(*settings), nn.ReLU()),
            Block(channels, channels, 3, 1, 1, norm(*settings)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.model(x)


class Residuals(nn.Module):
    """A row of residual blocks."""

    def __init__(self, count: int, channels: int, norm: type[nn.Module]) -> None:
        super().__init__()
        self.model = nn.Sequential(*(Residual(channels, norm) for _ in range(count)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class ContentEncoder(nn.Module):
    """Picture to content [n, content_dim, H/2^d, W/2^d]."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        widths = [config.dim * 2**step for step in range(config.n_downsample + 1)]
        layers: list[nn.Module] = [Block(3, config.dim, 7, 1, 3, InstanceNorm(), nn.ReLU())]
        for inside, outside in pairwise(widths):
            layers.append(Block(inside, outside, 4, 2, 1, InstanceNorm(), nn.ReLU()))
        layers.append(Residuals(config.n_res, widths[-1], InstanceNorm))
        self.model = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class StyleEncoder(nn.Module):
    """Picture to style [n, style_dim, 1, 1]; its depth does not depend on the content encoder's."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        widths = [config.dim, config.dim * 2, config.dim * 4, config.dim * 4, config.dim * 4]
        layers: list[nn.Module] = [Block(3, config.dim, 7, 1, 3, activation=nn.ReLU())]
        for inside, outside in pairwise(widths):
            layers.append(Block(inside, outside, 4, 2, 1, activation=nn.ReLU()))
        layers += [nn.AdaptiveAvgPool2d(1), nn.Conv2d(widths[-1], config.style_dim, 1)]
        self.model = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class Decoder(nn.Module):
    """Content to picture; the norms of its residual blocks carry the style."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        width = config.content_dim
        layers: list[nn.Module] = [Residuals(config.n_res, width, AdaptiveInstanceNorm)]
        for _ in range(config.n_downsample):
            layers.append(nn.Upsample(scale_factor=2))
            layers.append(Block(width, width // 2, 5, 1, 2, SampleNorm(width // 2), nn.ReLU()))
            width //= 2
        layers.append(Block(width, 3, 7, 1, 3, activation=nn.Tanh()))
        self.model = nn.Sequential(*layers)

    def norms(self) -> list[AdaptiveInstanceNorm]:
        """The adaptive norms in the order in which they consume parameters."""
        return [module for module in self.modules() if isinstance(module, AdaptiveInstanceNorm)]

    def forward(self, content: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
        shares = parameters.chunk(2 * len(self.norms()), dim=1)
        for norm, bias, weight in zip(self.norms(), shares[::2], shares[1::2], strict=True):
            norm.bias, norm.weight = bias, weight
        return self.model(content)


class Dense(nn.Module):
    """A linear layer and its activation."""

    def __init__(self, inside: int, outside: int, activation: nn.Module) -> None:
        super().__init__()
        self.fc = nn.Linear(inside, outside)
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.fc(x))


class StyleNetwork(nn.Module):
    """Style to the decoder's norm parameters [n, 4 * content_dim * n_res]."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.model = nn.Sequential(
            Dense(config.style_dim, config.mlp_dim, nn.ReLU()),
            Dense(config.mlp_dim, config.mlp_dim, nn.ReLU()),
            Dense(config.mlp_dim, 4 * config.content_dim * config.n_res, nn.Identity()),
        )

    def forward(self, style: torch.Tensor) -> torch.Tensor:
        return self.model(style.flatten(1))


class Generator(nn.Module):
    """One domain's encoders and decoder."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.enc_style = StyleEncoder(config)
        self.enc_content = ContentEncoder(config)
        self.dec = Decoder(config)
        self.mlp = StyleNetwork(config)

    def decode(self, content: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        """Picture with the given content and style [n, style_dim, 1, 1]."""
        return self.dec(content, self.mlp(style))


class Translator(nn.Module):
    """Both domains: `a` thermal, `b` RGB."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.a = Generator(config)
        self.b = Generator(config)

    def forward(self, rgb: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        """RGB to thermal in the given style."""
        return self.a.decode(self.b.enc_content(rgb), style)
