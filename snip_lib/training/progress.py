"""Progress of training: a line of plain text that redraws itself, in a terminal and in a notebook."""

from snip_lib.progress import bar, is_static


class Progress:
    """Shows iterations, training loss, validation error and time left, or nothing.

    On a static page, as when the book's are executed, one plain line at the end takes its place.
    """

    def __init__(self, trainer, *, shown: bool):
        """trainer: the `Trainer` that shows itself by this, and so is not imported here."""
        self.trainer, self.bar = trainer, None
        self.static = shown and is_static()
        if shown and not self.static:
            self.bar = bar(total=trainer.recipe.iterations, initial=trainer.iteration, unit="it")

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
