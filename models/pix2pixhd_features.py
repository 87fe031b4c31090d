"""Pix2PixHD with its instance-wise feature encoder: a named variant that is shown beside the competitors, never ranked.

Wang et al., CVPR 2018, section 3.4. In training the encoder sees the coloured truth; when colouring, each region's
features are drawn from clusters found on training pages, with a fixed seed. So what colour a region gets is chance
within the clusters: the variant shows what the encoder does, it does not compete. Regions and boundary map as in
pix2pixhd.py; the boundary map is on, as in the original's `--instance_feat`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from models.feature_encoder import FeatureEncoder, cluster_centres, large_region_features, sampled_features
from models.pix2pixhd import Pix2PixHD, Pix2PixHDSettings, make_hd_generator, region_ids


class Pix2PixHDFeaturesSettings(Pix2PixHDSettings):
    """Pix2PixHD with the encoder's numbers, at the defaults of the original implementation."""

    instances: Literal["none", "regions"] = Field(
        "regions", description="boundary map beside the features (original: on, or --no_instance)"
    )
    feat_num: int = Field(3, ge=1, le=64, description="channels of encoded features (original: --feat_num 3)")
    nef: int = Field(16, ge=1, le=1024, description="filters of the encoder's first layer (original: --nef 16)")
    n_downsample_E: int = Field(  # noqa: N815 - the original's name
        4, ge=1, le=8, description="halvings in the encoder (original: --n_downsample_E 4)"
    )
    n_clusters: int = Field(10, ge=1, le=1000, description="clusters of features (original: --n_clusters 10)")
    cluster_batches: int = Field(
        500, ge=1, description="training batches that the clusters are found on (original: all training pages)"
    )
    inference_feature_seed: int = Field(0, ge=0, lt=2**63, description="seed of the features drawn when colouring")


class FeatureGenerator(nn.Module):
    """A generator of Pix2PixHD, and the clusters that its features are drawn from when colouring: saved as one."""

    clusters: Tensor

    def __init__(self, network: nn.Module, n_clusters: int, feat_num: int) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("clusters", torch.zeros(n_clusters, feat_num))

    def forward(self, image: Tensor) -> Tensor:
        """Return the coloured image [N, 3, H, W] in [-1, 1] of condition and features."""
        colour: Tensor = self.network(image)
        return colour


class Pix2PixHDFeatures(Pix2PixHD):
    """Pix2PixHD with the feature encoder; see the module's docstring."""

    name = "pix2pixhd-features"
    settings_type = Pix2PixHDFeaturesSettings
    ranked = False
    settings: Pix2PixHDFeaturesSettings

    def __init__(
        self,
        settings: Pix2PixHDFeaturesSettings,
        resolution: int,
        *,
        seed: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.encoder = FeatureEncoder(settings.nef, settings.n_downsample_E, settings.feat_num)
        self._seed = seed
        super().__init__(settings, resolution, seed=seed, device=device, dtype=dtype)
        # Features are pooled over regions, which are found on the CPU.
        self.recordable = False

    def _least_multiple(self) -> int:
        return max(super()._least_multiple(), int(2**self.settings.n_downsample_E))

    def _halving_settings(self) -> str:
        return f"{super()._halving_settings()} or n_downsample_E"

    def _new_generator(self, condition_channels: int) -> nn.Module:
        settings = self.settings
        network = make_hd_generator(settings, condition_channels + settings.feat_num)
        return FeatureGenerator(network, settings.n_clusters, settings.feat_num)

    def _generating_networks(self) -> list[nn.Module]:
        return [self.generator, self.encoder]

    def networks(self) -> dict[str, nn.Module]:
        """Return the generator, the multi-scale discriminator and the encoder."""
        return super().networks() | {"encoder": self.encoder}

    def instances_of(self, bw: Tensor) -> Tensor:
        """Return the ids [N, 1, H, W] of the regions of `bw`, which the encoder pools over."""
        return region_ids(bw)

    def generator_input(self, condition: Tensor, color: Tensor, instances: Tensor | None) -> Tensor:
        """Return the condition with the encoded features of the truth."""
        assert instances is not None, "features are pooled over instances"
        return torch.cat((condition, self.encoder(color, instances)), dim=1)

    def network_input(self, bw: Tensor) -> Tensor:
        """Return the condition with features drawn from the clusters; before training has ended these are zero."""
        instances = self.instances_of(bw)
        assert isinstance(self.generator, FeatureGenerator)
        drawn = sampled_features(instances, self.generator.clusters, self.settings.inference_feature_seed)
        return torch.cat((self.condition(bw, instances), drawn.to(bw.dtype)), dim=1)

    def complete(self, examples: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Find the clusters of the encoded features of training pages."""
        super().complete(examples)
        features = []
        with torch.no_grad():
            for bw, color in itertools.islice(examples, self.settings.cluster_batches):
                instances = self.instances_of(bw)
                features.append(large_region_features(self.encoder(color, instances), instances))
        centres = cluster_centres(features, self.settings.n_clusters, self._seed)
        assert isinstance(self.generator, FeatureGenerator)
        self.generator.clusters.copy_(torch.from_numpy(centres))

    def remarks(self) -> list[str]:
        """Return whether the perceptual loss is there, and what validation scores along the way are worth."""
        return [*super().remarks(), "features drawn from clusters, which are found last: validation before has none"]

    def inference_mode(self) -> str:
        """Return how features and normalisation behave when colouring."""
        return (
            f"features drawn from clusters with seed {self.settings.inference_feature_seed}, {super().inference_mode()}"
        )
