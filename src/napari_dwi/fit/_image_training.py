"""Training of an image network on the signals it is given, without labels."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import pad

from napari_dwi.fit._image_network import Decoder, ImageNetwork
from napari_dwi.fit._image_tiles import Tiles

if TYPE_CHECKING:
    from napari_dwi.methods.method import Context

# What one core passes through a network of width 1 and back within a tenth of a second.
_VOXELS_CPU, _VOXELS_GPU = 150_000, 15_000_000
# Fewer samples say nothing of when to stop.
_FEWEST_HELD_OUT = 50
_SMALLEST_SPREAD = 1e-3


@dataclass(frozen=True)
class Training:
    """How an image network is made and trained.

    Parameters
    ----------
    width : int
        Channels of its convolutions.
    dropout : float
        Share of channels' values left out in training, 0 to 1.
    learning_rate : float
        Of Adam.
    batch : int
        Patches in a training step.
    patch : int
        Largest side of a patch, in voxels.
    patience : int
        Epochs within which the loss must improve.
    delta : float
        By how much of itself, 0 to 1.
    held_out : float
        Share of the samples (a voxel at a b-value) that training never sees.
    best_weights : bool
        Whether to go back to the weights of the epoch that predicted held-out samples best.
    keeps_input : bool
        Whether the measured signals stay the input while the signals to learn are renewed.
    centred_input : bool
        Whether the mean at each b-value is subtracted from the input, and the rest divided by its spread.
    """

    width: int = 48
    dropout: float = 0.01
    learning_rate: float = 4e-4
    batch: int = 5
    patch: int = 48
    patience: int = 10
    delta: float = 0.05
    held_out: float = 0.05
    best_weights: bool = True
    keeps_input: bool = False
    centred_input: bool = True


@dataclass(frozen=True)
class Epoch:
    """Mean squared error over an epoch: of the signals learnt, and of held-out samples (else ``None``)."""

    loss: float
    held_out_loss: float | None


class ImageTraining:
    """An image network, the signals it learns, and the state of its training.

    Samples held out are no input and no target: in the signals the mean of the neighbours stands for
    them. So the error of their prediction falls while the network learns what is signal, and rises
    when it begins to reproduce the noise of each voxel, which the error of what it was shown never does.

    Parameters
    ----------
    measured : Tensor, shape (n_slices, n_b, height, width)
        Divided signals, 0 outside.
    inside : Tensor of bool, shape (n_slices, height, width)
        The mask.
    b_weights : Tensor, shape (n_b,)
        What the error at each b-value counts, 1 on average.
    decoder : Decoder
        The signal model.
    training : Training
        Settings.
    context : Context
        Device, seed, progress and stop.

    Attributes
    ----------
    signal : Tensor, shape of ``measured``
        The signals to learn; see `learn_from`.
    held_out : Tensor of bool, shape of ``measured``
        The samples held out.
    """

    def __init__(
        self,
        measured: torch.Tensor,
        inside: torch.Tensor,
        b_weights: torch.Tensor,
        decoder: Decoder,
        training: Training,
        context: Context,
    ) -> None:
        torch.manual_seed(context.seed)
        self._random = torch.Generator().manual_seed(context.seed)
        self.settings, self._context, self._renewed = training, context, False
        device = context.device
        self.inside = inside.to(device)
        held_out, filled = self._held_out(measured, inside)
        self.held_out = held_out.to(device)
        self._measured, self.signal = measured.to(device), filled.to(device)
        self._decoder = decoder.to(device)
        self._network = ImageNetwork(
            measured.shape[1], len(decoder.low), training.width, training.dropout
        ).to(device)
        self._optimiser = torch.optim.Adam(self._network.parameters(), lr=training.learning_rate)
        budget = (_VOXELS_CPU if device == "cpu" else _VOXELS_GPU) // training.width
        self._tiles = Tiles(inside.shape[1], inside.shape[2], min(training.patch, max(1, int(budget**0.5))))
        high, wide = self._tiles.size
        self._at_once = context.chunk(max(1, budget // (high * wide)))
        weights = self.inside[:, None] * b_weights.to(device)[:, None, None]
        self.check()
        all_weights = self._tiles.cut(weights * ~self.held_out)
        self._used = all_weights.flatten(1).any(dim=1).nonzero()[:, 0]
        self._weights = all_weights[self._used]
        self._blind = self._tiles.cut(weights * self.held_out)[self._used]
        self.check()
        self._sizes = float(self._weights.sum()), float(self._blind.sum())
        self._seen = self._tiles.cut(self._measured)[self._used]
        self.check()
        self._centre, self._spread = _centre_and_spread(self.signal, self.inside)
        self._input = self._as_input(self.signal)
        self._target = self._tiles.cut(self.signal)[self._used]

    def learn_from(self, signal: torch.Tensor) -> None:
        """Renew the signals to learn, (n_slices, n_b, height, width)."""
        self.signal = signal
        self._target = self._tiles.cut(signal)[self._used]
        if not self.settings.keeps_input:
            self._renewed = True
            self._input = self._as_input(signal)

    def train(self, epochs: int, on_epoch: Callable[[int, Epoch], None]) -> list[Epoch]:
        """Train until the loss improves no more, or for so many epochs.

        Parameters
        ----------
        epochs : int
            Epochs at most.
        on_epoch : callable
            Hears of every epoch, counted from 1.

        Returns
        -------
        list of Epoch
            One for each. The network is that of the epoch with the lowest held-out loss, or of the last.
        """
        done: list[Epoch] = []
        best, kept = float("inf"), None
        patience, least = self.settings.patience, 1 - self.settings.delta
        for number in range(1, epochs + 1):
            epoch = self._epoch()
            done.append(epoch)
            on_epoch(number, epoch)
            if self.settings.best_weights and epoch.held_out_loss is not None and epoch.held_out_loss < best:
                best, kept = epoch.held_out_loss, copy.deepcopy(self._network.state_dict())
            if number > patience and epoch.loss > least * done[-1 - patience].loss:
                break
        if kept is not None:
            self._network.load_state_dict(kept)
        return done

    def check(self) -> None:
        """Raise `Stopped` if the user asked to stop."""
        self._context.progress.check()

    def values(self) -> torch.Tensor:
        """The parameters of the current signals, shape (n_slices, n_parameters, height, width)."""
        return self._applied(self._decoder.values, len(self._decoder.low))

    def predicted(self) -> torch.Tensor:
        """The signals as the network explains them, shape (n_slices, n_b, height, width)."""
        return self._applied(self._decoder, self.signal.shape[1])

    def show_all(self) -> None:
        """Once training is over: show the network also what was held out, unless its input was renewed."""
        if not self._renewed:
            self._input = self._as_input(self._measured)

    def _held_out(self, measured: torch.Tensor, inside: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples that training never sees, and the signals with their neighbours' mean in their place."""
        parts = []
        for signal, mask in zip(measured.split(1), inside[:, None].split(1), strict=True):
            self.check()
            chosen = mask & (torch.rand(signal.shape, generator=self._random) < self.settings.held_out)
            known = (mask & ~chosen).to(signal.dtype)
            around = _window_sum(known)
            chosen &= around > 0
            mean = _window_sum(known * signal) / around.clamp(min=1)
            parts.append((chosen, torch.where(chosen, mean, signal)))
        chosen, filled = (torch.cat(some) for some in zip(*parts, strict=True))
        return (chosen, filled) if int(chosen.sum()) >= _FEWEST_HELD_OUT else (chosen & False, measured)

    def _as_input(self, signal: torch.Tensor) -> torch.Tensor:
        """What the network sees of signals, as tiles."""
        if self.settings.centred_input:
            signal = (signal - self._centre) / self._spread * self.inside[:, None]
        return self._tiles.with_margin(signal)[self._used]

    def _epoch(self) -> Epoch:
        self._network.train()
        order = torch.randperm(len(self._used), generator=self._random).to(self._used.device)
        sums = torch.zeros(2, device=self._used.device)
        for batch in order.split(self.settings.batch):
            self._optimiser.zero_grad(set_to_none=True)
            total = self._weights[batch].sum()
            for rows in batch.split(self._at_once):
                predicted = self._decoder(self._network(self._input[rows]))
                loss = (self._weights[rows] * (predicted - self._target[rows]).square()).sum()
                self.check()
                (loss / total).backward()
                with torch.no_grad():
                    unseen = (self._blind[rows] * (predicted - self._seen[rows]).square()).sum()
                    sums += torch.stack([loss, unseen])
            self._optimiser.step()
        loss, unseen = sums.tolist()
        return Epoch(loss / self._sizes[0], unseen / self._sizes[1] if self._sizes[1] else None)

    @torch.inference_mode()
    def _applied(self, decode: Callable[[torch.Tensor], torch.Tensor], channels: int) -> torch.Tensor:
        self._network.eval()
        (rows, columns), (high, wide) = self._tiles.number, self._tiles.size
        n_tiles = len(self.inside) * rows * columns
        found = torch.zeros((n_tiles, channels, high, wide), device=self._input.device)
        for some in torch.arange(len(self._used), device=self._used.device).split(self._at_once):
            self.check()
            found[self._used[some]] = decode(self._network(self._input[some]))
        return self._tiles.join(found) * self.inside[:, None]


def _centre_and_spread(signal: torch.Tensor, inside: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean at every b-value, shape (n_b, 1, 1), and the standard deviation about it, one for all."""
    mask = inside[:, None].to(signal.dtype)
    voxels = mask.sum()
    centre = ((signal * mask).sum(dim=(0, 2, 3)) / voxels)[:, None, None]
    variance = ((signal - centre).square() * mask).sum() / (voxels * len(centre))
    return centre, variance.sqrt().clamp(min=_SMALLEST_SPREAD)


def _window_sum(stack: torch.Tensor) -> torch.Tensor:
    """Sums over windows of 3 x 3."""
    height, width = stack.shape[2:]
    padded = pad(stack, (1, 1, 1, 1))
    total = torch.zeros_like(stack)
    for row, column in product(range(3), repeat=2):
        total += padded[..., row : row + height, column : column + width]
    return total
