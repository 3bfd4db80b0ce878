"""Vision models by name: one that a package index holds, others from timm or torchvision."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from homologue._errors import AssetUnavailable, HomologueError, UnknownName
from homologue.systems import _assets
from homologue.systems._language import default_device
from homologue.systems._torch import TorchModel

EFFICIENTNET = "efficientnet-lite0"
_PACKAGE = "_homologue_efficientnet_lite"


def vision(
    name: str = EFFICIENTNET, *, device: str | None = None, dtype: str = "float32"
) -> TorchModel:
    """Return an image classifier by name.

    Pictures (uint8, height × width × 3) are cropped to the central square, brought to the size
    the model was trained with, and scaled as in its training.

    Parameters
    ----------
    name : str
        ``"efficientnet-lite0"`` (16 blocks, ``_blocks.0`` … ``_blocks.15``; from a package
        index); else a name of ``timm`` or ``torchvision``, where installed, whose weights come
        over the network.
    device : str, optional
        ``"cuda"`` where there is one, else ``"cpu"``.
    dtype : str
        Precision of the weights.

    Returns
    -------
    TorchModel
        Its untrained twin is drawn by the architecture's own rule.

    Raises
    ------
    AssetUnavailable
        The weights are not to be had here.
    UnknownName
        Neither built in nor known to an installed library.

    Notes
    -----
    The twin of EfficientNet-Lite0 is drawn as its package draws it. Batch normalisation then
    still stands at mean 0 and variance 1, and since nothing rescales the activity it would
    fade to 1e-9 by the last block; its statistics are therefore settled on sixteen pictures of
    1/f noise drawn from the same seed, as the first training step would settle them on data.
    No label and no photograph enters.

    References
    ----------
    .. [1] Tan & Le 2019, arXiv:1905.11946.
    """
    if name == EFFICIENTNET:
        return _efficientnet(device, dtype)
    broken = ""
    for module, build in (("timm", _timm), ("torchvision", _torchvision)):
        if importlib.util.find_spec(module) is None:
            continue
        try:
            library = importlib.import_module(module)
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            broken += f" {module} is installed and cannot be imported: {reason}."
            continue
        found = build(library, name)
        if found is not None:
            model, prepare = found
            return TorchModel(
                model.eval(),
                name=name,
                prepare=prepare,
                device=default_device(device),
                dtype=dtype,
                source=module,
            )
    raise UnknownName(
        f"no vision model is named {name!r}; built in: {EFFICIENTNET!r}. Others come by name "
        f"where timm or torchvision is installed (pip install timm).{broken} Any network goes "
        "through homologue.TorchModel(model, prepare=…)"
    )


def efficientnet(**options: Any) -> TorchModel:
    """Return EfficientNet-Lite0; the registry's entry (see :func:`vision`)."""
    return vision(EFFICIENTNET, **options)


def _efficientnet(device: str | None, dtype: str) -> TorchModel:
    asset = _assets.get(EFFICIENTNET)
    network = _code().EfficientNet
    model = network.from_name(EFFICIENTNET)
    state = torch.load(_assets.fetch(EFFICIENTNET), map_location="cpu", weights_only=True)
    model.load_state_dict(state)

    def initialise(seed: int) -> torch.nn.Module:
        return settle(network.from_name(EFFICIENTNET))

    return TorchModel(
        model.eval(),
        name=EFFICIENTNET,
        prepare=prepare_efficientnet,
        initialise=initialise,
        device=default_device(device),
        dtype=dtype,
        licence=asset.licence,
        citation=asset.citation,
        source=asset.source,
    )


def _code() -> Any:
    """Import the network's code from its folder; it is checked by sha256 and never installed."""
    if _PACKAGE in sys.modules:
        return sys.modules[_PACKAGE]
    folder = _assets.fetch_folder("efficientnet-lite-code") / "efficientnet_lite_pytorch"
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise HomologueError(f"{folder} holds no importable package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[_PACKAGE]
        raise
    return module


def prepare_efficientnet(picture: np.ndarray) -> torch.Tensor:
    """Return a picture as EfficientNet-Lite0 reads it: (rgb − 127) / 128, 3 × 224 × 224."""
    square = central_square(picture, 224)
    return torch.from_numpy((square.astype(np.float32) - 127) / 128).permute(2, 0, 1)


def central_square(picture: np.ndarray, size: int) -> np.ndarray:
    """Return the central square of a picture, in colour, at ``size`` × ``size`` (bicubic)."""
    from PIL import Image

    picture = np.asarray(picture)
    if picture.ndim == 2:
        picture = np.repeat(picture[:, :, None], 3, axis=2)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise HomologueError(
            "a vision model reads pictures: uint8, height × width (× 3); given "
            f"{picture.dtype} of shape {picture.shape}"
        )
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    square = picture[top : top + side, left : left + side]
    if side == size:
        return square
    return np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.BICUBIC))


def settle(model: torch.nn.Module, *, pictures: int = 16, size: int = 224) -> torch.nn.Module:
    """Return a freshly drawn network with its batch statistics taken from 1/f noise.

    Draws from torch's current random state; see :func:`vision`.
    """
    noise = torch.randn(pictures, 3, size, size)
    axis = torch.fft.fftfreq(size)
    radius = torch.sqrt(axis[:, None] ** 2 + axis[None, : size // 2 + 1].abs() ** 2)
    spectrum = torch.fft.rfft2(noise) / radius.clamp(min=1 / size)
    waves = torch.fft.irfft2(spectrum, s=(size, size))
    waves = 0.5 * waves / waves.std(dim=(1, 2, 3), keepdim=True)
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    momentum = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
    training = model.training
    # Dropout and stochastic depth stay out of it: only the normalisation is in training mode.
    model.eval()
    for norm in norms:
        norm.train()
    with torch.no_grad():
        model(waves.clamp(-1, 1))
    for norm, before in zip(norms, momentum, strict=True):
        norm.momentum = before
    return model.train(training)


Loaded = tuple[torch.nn.Module, Callable[[Any], torch.Tensor]]


def _timm(timm: Any, name: str) -> Loaded | None:
    from PIL import Image

    if not timm.is_model(name):
        return None
    try:
        model = timm.create_model(name, pretrained=True)
    except Exception as error:
        raise _no_weights(name, "timm", error) from error
    config = timm.data.resolve_model_data_config(model)
    transform = timm.data.create_transform(**config, is_training=False)
    return model, lambda picture: transform(Image.fromarray(_colour(picture)))


def _torchvision(torchvision: Any, name: str) -> Loaded | None:
    from PIL import Image

    if name not in torchvision.models.list_models():
        return None
    weights = torchvision.models.get_model_weights(name).DEFAULT
    model = torchvision.models.get_model(name, weights=None)
    try:
        # Its checkpoints are pickles: read as tensors only, against the checksum in their name.
        model.load_state_dict(weights.get_state_dict(check_hash=True, weights_only=True))
    except Exception as error:
        raise _no_weights(name, "torchvision", error) from error
    transform = weights.transforms()
    return model, lambda picture: transform(Image.fromarray(_colour(picture)))


def _colour(picture: np.ndarray) -> np.ndarray:
    return np.repeat(picture[:, :, None], 3, axis=2) if picture.ndim == 2 else picture


def _no_weights(name: str, library: str, error: Exception) -> AssetUnavailable:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return AssetUnavailable(
        f"the weights of {name!r} ({library}) could not be had: {reason}. They come over the "
        f"network; without one: homologue.vision({EFFICIENTNET!r}), or a network of your own, "
        "homologue.TorchModel(model, prepare=…)"
    )
