"""Progress of training: a line of plain text that redraws itself, in a terminal and in a notebook."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snip_lib.training.trainer import Trainer


class Progress:
    """Shows iterations, training loss, validation error and time left, or nothing.

    With SNIP_STATIC=1, as when the book's pages are executed, one plain line at the end takes its place.
    """

    def __init__(self, trainer: "Trainer", *, shown: bool):
        self.trainer, self.bar = trainer, None
        self.static = shown and os.environ.get("SNIP_STATIC") == "1"
        if shown and not self.static:
            from tqdm import tqdm

            total, done = trainer.recipe.iterations, trainer.iteration
            self.bar = tqdm(total=total, initial=done, unit="it", mininterval=0.5, dynamic_ncols=True)

    def __enter__(self) -> "Progress":
        return self

    def update(self) -> None:
        """Take over what the trainer has done; the line itself is redrawn twice a second at most."""
        if self.bar is not None and self.bar.update(self.trainer.iteration - self.bar.n):
            self.bar.set_postfix_str(self.trainer.standing(), refresh=False)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.update()
            self.bar.set_postfix_str(self.trainer.standing())
            self.bar.close()
        if self.static:
            print(*(result.summary() for result in self.trainer.results), sep="\n")
