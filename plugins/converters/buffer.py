"""The image buffer of Shrivastava et al. (CVPR 2017): discriminators see older fakes too."""

from __future__ import annotations

import torch

from ..draws import choices, coins


class ImageBuffer:
    """Keep up to `size` generated spectrograms; give back the new one or a kept one, half and half.

    images: [kept, 1, bin, frame].
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.images = torch.empty(0)

    def swap(self, fakes: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return as many spectrograms as came in: [batch, 1, bin, frame], without gradient.

        While the buffer fills, what comes in is kept and given back. Then each new one goes out
        itself with probability 1/2, else a random kept one goes out and the new one takes its
        place.
        """
        fakes = fakes.detach()
        if self.size == 0 or len(fakes) == 0:
            return fakes
        free = self.size - len(self.images)
        if free > 0:
            kept = fakes[:free]
            self.images = torch.cat([self.images.to(kept), kept]) if len(self.images) else kept
            if len(fakes) <= free:
                return fakes
        head, fakes = fakes[: max(free, 0)], fakes[max(free, 0) :].clone()
        out = fakes.clone()
        swapped = coins(len(fakes), 0.5, torch.empty(0), generator)
        places = choices(len(fakes), self.size, torch.empty(0), generator)
        for index in torch.nonzero(swapped)[:, 0].tolist():
            place = int(places[index])
            out[index] = self.images[place]
            self.images[place] = fakes[index]
        return torch.cat([head, out])
