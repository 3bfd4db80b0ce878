"""A small transformer that adds modulo a prime, trained here in seconds and kept in the cache."""

from __future__ import annotations

import copy
import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from homologue._errors import HomologueError
from homologue.systems import _assets
from homologue.systems._sources import lock
from homologue.systems._torch import TorchModel
from homologue.systems._untrained import initialised

CITATION = "Nanda et al. 2023, arXiv:2301.05217"


@dataclass(frozen=True)
class _Recipe:
    """What the trained weights depend on."""

    prime: int
    seed: int
    width: int = 64
    heads: int = 4
    hidden: int = 256
    train_share: float = 0.7
    learning_rate: float = 2e-3
    weight_decay: float = 4.0
    most_epochs: int = 6000
    epochs_after: int = 500
    version: int = 1

    @property
    def file(self) -> Path:
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        name = f"modular-addition-{self.prime}-{self.seed}-{digest[:12]}.safetensors"
        return _assets.cache_folder() / "trained" / name


class _Attention(nn.Module):
    """Heads that look back over the three tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)

    def forward(self, residual: torch.Tensor) -> torch.Tensor:
        count, length, width = residual.shape
        query, key, value = (
            self.qkv(residual).view(count, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        )
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.output(mixed.transpose(1, 2).reshape(count, length, width))


class ModularAddition(nn.Module):
    """One layer without normalisation: embedding, attention, ReLU units, logits at every token."""

    held_out: torch.Tensor

    def __init__(self, prime: int, width: int = 64, heads: int = 4, hidden: int = 256) -> None:
        super().__init__()
        self.prime = prime
        self.embed = nn.Embedding(prime + 1, width)
        self.position = nn.Embedding(3, width)
        for table in (self.embed, self.position):
            nn.init.normal_(table.weight, std=width**-0.5)
        self.attention = _Attention(width, heads)
        self.up = nn.Linear(width, hidden)
        self.act = nn.ReLU()
        self.down = nn.Linear(hidden, width)
        self.unembed = nn.Linear(width, prime, bias=False)
        self.register_buffer("held_out", torch.zeros(prime * prime, dtype=torch.bool))

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return logits, shape (pair, token, prime); those of the last token are the answer."""
        return self._read(self._attended(input_ids))

    def answer(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Return the logits of the last token alone, shape (pair, prime)."""
        return self._read(self._attended(input_ids)[:, -1])

    def _attended(self, input_ids: torch.Tensor) -> torch.Tensor:
        place = torch.arange(input_ids.shape[1], device=input_ids.device)
        residual = self.embed(input_ids) + self.position(place)
        return residual + self.attention(residual)

    def _read(self, residual: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.unembed(residual + self.down(self.act(self.up(residual))))
        return logits


def modular_addition(prime: int = 31, *, seed: int = 0) -> TorchModel:
    """Return a transformer trained to add two numbers modulo a prime.

    One layer, 4 heads, 64 dimensions, 256 ReLU units; trained on 70 % of all pairs with strong
    weight decay until 500 epochs after it answers 99 % of the others. The weights are kept in
    the cache under their hyperparameters.

    Parameters
    ----------
    prime : int
        The modulus; 11 … 127 (31 trains within a minute, larger ones take longer).
    seed : int
        Of the weights and of the pairs that are left out.

    Returns
    -------
    TorchModel
        Shown ``homologue.stimuli.modular_pairs(prime)``: tokens a, b and "=". Sites ``embed``,
        ``attention.output``, ``act`` (the ReLU units), ``unembed`` (logits; at the last token
        the answer). ``model.held_out`` marks pairs (a · prime + b) not trained on.

    Raises
    ------
    HomologueError
        Not a prime in range, or training that did not generalise in 6 000 epochs (another seed
        may).

    Notes
    -----
    Held-out accuracy decides when training stops, so it says that this specimen generalises,
    not how often training does. Weights are the same for one machine and version of torch;
    elsewhere rounding may lead training to other frequencies.

    References
    ----------
    .. [1] Nanda et al. 2023, arXiv:2301.05217.
    """
    if not 11 <= prime <= 127 or any(prime % k == 0 for k in range(2, int(prime**0.5) + 1)):
        raise HomologueError(f"expected a prime in 11 … 127; given {prime}")
    recipe = _Recipe(prime, seed)
    return TorchModel(
        _trained(recipe),
        name=f"modular-addition-{prime}",
        initialise=lambda other: _built(recipe, other),
        citation=CITATION,
        source="trained here",
        licence="BSD-3-Clause (trained here)",
        seed=seed,
    )


def remove_frequencies(system: TorchModel, frequencies: Sequence[int]) -> TorchModel:
    """Return the system with Fourier components of its number embedding taken out.

    Parameters
    ----------
    system : TorchModel
        From :func:`modular_addition`.
    frequencies : sequence of int
        1 … prime // 2; both the cosine and the sine of each, across numbers, are removed.

    Raises
    ------
    HomologueError
        Frequencies out of range, or another kind of system.
    """
    model = system.model
    if not isinstance(model, ModularAddition):
        raise HomologueError(
            f"expected a system of systems.modular_addition(); given {system.name}"
        )
    wanted = sorted(set(frequencies))
    if any(not 1 <= k <= model.prime // 2 for k in wanted):
        raise HomologueError(f"frequencies are 1 … {model.prime // 2}; given {wanted}")
    changed = copy.deepcopy(model)
    number = torch.arange(model.prime, dtype=torch.float64)
    with torch.no_grad():
        table = changed.embed.weight[: model.prime].double()
        for k in wanted:
            angle = 2 * torch.pi * k * number / model.prime
            for wave in (angle.cos(), angle.sin()):
                table -= torch.outer(wave, wave @ table) / (wave @ wave)
        changed.embed.weight[: model.prime] = table.to(changed.embed.weight.dtype)
    return TorchModel(
        changed,
        name=f"{system.name} without {', '.join(map(str, wanted)) or 'nothing'}",
        family=system.family,
        citation=CITATION,
        source="trained here",
        seed=system.seed,
    )


def _built(recipe: _Recipe, seed: int) -> ModularAddition:
    return ModularAddition(recipe.prime, recipe.width, recipe.heads, recipe.hidden)


def _trained(recipe: _Recipe) -> ModularAddition:
    from safetensors.torch import load_file, save_file

    model = _built(recipe, recipe.seed)
    with lock(recipe.file.parent / f".{recipe.file.stem}.lock"):
        if recipe.file.is_file():
            try:
                model.load_state_dict(load_file(recipe.file))
                return model.eval()
            except Exception:
                # A damaged file is made anew: it holds nothing but what training gives.
                recipe.file.unlink()
        model = _train(recipe)
        part = recipe.file.with_name(f".{recipe.file.name}.{uuid.uuid4().hex[:8]}.part")
        save_file(model.state_dict(), part)
        part.rename(recipe.file)
    return model


def _train(recipe: _Recipe) -> ModularAddition:
    """Train on all training pairs at once until 500 epochs after it generalises."""
    prime = recipe.prime
    number = torch.arange(prime)
    pairs = torch.cartesian_prod(number, number)
    answer = pairs.sum(dim=1) % prime
    shown = torch.cat([pairs, torch.full((prime * prime, 1), prime)], dim=1)
    order = torch.randperm(prime * prime, generator=torch.Generator().manual_seed(recipe.seed))
    kept, left = order.tensor_split([int(recipe.train_share * prime * prime)])
    start = _built(recipe, recipe.seed)
    model = initialised(start, recipe.seed, lambda seed: _built(recipe, seed)).train()
    assert isinstance(model, ModularAddition)
    model.held_out[left] = True
    # Not the optimiser's global state: gradients are on here whatever the caller set.
    with torch.enable_grad():
        optimiser = torch.optim.AdamW(
            model.parameters(),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            betas=(0.9, 0.98),
        )
        last = None
        for epoch in range(recipe.most_epochs):
            loss = nn.functional.cross_entropy(model.answer(shown[kept]), answer[kept])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if epoch % 50:
                continue
            with torch.no_grad():
                right = model.answer(shown[left]).argmax(dim=1) == answer[left]
            good = float(right.double().mean()) >= 0.99
            if last is None and good:
                last = epoch + recipe.epochs_after
            if last is not None and epoch >= last and good:
                return model.eval()
    raise HomologueError(
        f"addition modulo {prime} with seed {recipe.seed} did not generalise in "
        f"{recipe.most_epochs} epochs; try another seed"
    )
