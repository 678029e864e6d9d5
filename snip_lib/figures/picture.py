"""The figure class: matplotlib's, drawn in the book's style wherever it is drawn, and shown by a notebook as SVG."""

import io

from matplotlib.figure import Figure

from snip_lib.figures.settings import style


class Picture(Figure):
    """A matplotlib Figure that a notebook shows once, as SVG, crisp on every screen and the same bytes every time."""

    def draw(self, renderer):
        with style():  # ticks are made while drawing, and ask for the settings then
            super().draw(renderer)

    def savefig(self, fname, **options):
        with style():
            super().savefig(fname, **options)

    def svg(self) -> str:
        """Return the figure as SVG, without date or version."""
        page = io.StringIO()
        self.savefig(page, format="svg", metadata={"Date": None, "Creator": None})
        return page.getvalue()

    def __repr__(self) -> str:
        axes = ", ".join(filter(None, (ax.get_title() for ax in self.axes)))
        return "<figure>" if not axes else f"<figure: {axes}>"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"image/svg+xml": self.svg(), "text/plain": repr(self)}
