"""The built book in a real browser with no network: whole, quiet, readable, and its sliders move."""

import functools
import http.server
import os
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tools import book, first_cell

pytestmark = pytest.mark.browser
ROOT = first_cell.ROOT
PAGES = {str(path.relative_to(ROOT).with_suffix(".html")): path for path in book.pages()}
WITH_SLIDERS = [name for name, path in PAGES.items() if "data-snip" in path.read_text()]
TITLE = next(iter(PAGES))
SLIDER = "[role=group]:has(input[type=range])"
OPEN = "document.querySelectorAll('details').forEach(fold => { fold.open = true; })"
FADED_IN = """document.getAnimations().filter(motion => motion.effect.getComputedTiming().endTime < Infinity)
    .forEach(motion => motion.finish())"""
CLOSED = "document.querySelectorAll('article details:not([open])').length"
CUT = """[...document.querySelectorAll('article pre'), ...[...document.querySelectorAll('article .cell_output table')]
    .map(table => table.parentElement)].filter(box => box.scrollWidth > box.clientWidth + 1)
    .map(box => box.innerText.slice(0, 60))"""
READY = "async () => { await window.MathJax?.startup?.promise; await document.fonts.ready; }"
AXE = {"rules": {"empty-table-header": {"enabled": False}}}  # it takes a formula, which is MathML, for nothing
MEGABYTE = 1e6


@dataclass(frozen=True)
class View:
    """How a reader looks at the book."""

    protocol: str = "http"
    width: int = 1280
    scheme: str = "light"
    scripts: bool = True


WIDE, PHONE = View(), View(protocol="file", width=375, scheme="dark")


@dataclass
class Visit:
    """An open page, what it asked for outside the book, and what it complained about."""

    page: object
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The folder of the built pages: SNIP_SITE, else what `make book` left, else a new build."""
    folder = Path(os.environ.get("SNIP_SITE") or ROOT / "_build/html")
    return folder if folder.exists() else book.build(tmp_path_factory.mktemp("site")).parent


@pytest.fixture(scope="session")
def roots(site):
    """The book's address over each protocol."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {"http": f"http://127.0.0.1:{server.server_port}/", "file": f"{site.as_uri()}/"}
    server.shutdown()


@pytest.fixture
def visit(chromium, roots):
    """Open a page of the book as a `View` sees it; whatever lies outside the book cannot be reached."""
    contexts = []

    def open_page(name: str, view: View = WIDE) -> Visit:
        root = roots[view.protocol]
        context = chromium.new_context(
            viewport={"width": view.width, "height": 900}, color_scheme=view.scheme, java_script_enabled=view.scripts
        )
        contexts.append(context)
        context.set_default_timeout(400_000)  # the machine may be busy
        opened = Visit(context.new_page())
        context.route(
            lambda url: not url.startswith((root, "data:", "blob:")),
            lambda route: (opened.outside.append(route.request.url), route.abort()),
        )
        opened.page.on("console", lambda m: m.type in ("error", "warning") and opened.errors.append(m.text))
        opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
        opened.page.on("requestfailed", lambda request: opened.errors.append(f"failed: {request.url}"))
        opened.page.on("response", lambda r: r.status >= 400 and opened.errors.append(f"{r.status}: {r.url}"))
        opened.page.goto(root + name)
        if view.scripts:
            opened.page.evaluate(READY)
        return opened

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("view", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_whole_and_readable(visit, name, view):
    opened = visit(name, view)
    look = opened.page.evaluate
    assert opened.outside == []
    assert opened.errors == []
    assert look("document.documentElement.dataset.theme") == view.scheme
    look(OPEN)  # hints, solutions and folded code are read, too
    assert look(CLOSED) == 0
    look(FADED_IN)
    assert look("document.documentElement.scrollWidth") <= view.width, "the page scrolls sideways"
    if view.width >= WIDE.width:
        assert look(CUT) == [], "code or output that has to be scrolled"
    assert look("document.querySelectorAll('mjx-merror').length") == 0, "MathJax cannot read an equation"
    assert look("document.querySelectorAll('article .math:not(:has(mjx-container))').length") == 0, "raw mathematics"
    assert look("[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)") == []
    violations = Axe().run(opened.page, options=AXE).response["violations"]
    assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in violations] == []


def moved(slider, move) -> bool:
    """Whether `move` changes the pixels of the slider's figure, the control itself left out."""
    drawing = slider.locator(":scope .evidence canvas")  # what is drawn, and seen of it, does not go with the slider
    picture = drawing.or_(slider.locator(":scope:not(.snip-draw) :is(img, svg, canvas, .sheet)")).first
    before = picture.screenshot(animations="disabled"), slider.inner_text()
    move(slider.locator("input[type=range]"))
    return picture.screenshot(animations="disabled") != before[0] and slider.inner_text() != before[1]


def to_the_start(control):
    control.focus()
    control.press("Home")


def click_near_the_end(control):
    box = control.bounding_box()
    control.click(position={"x": box["width"] * 0.95, "y": box["height"] / 2})


@pytest.mark.parametrize("view", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("name", WITH_SLIDERS)
def test_every_slider_moves(visit, name, view):
    opened = visit(name, view)
    sliders = opened.page.locator(SLIDER).all()
    assert sliders
    for slider in sliders:
        slider.scroll_into_view_if_needed()
        control = slider.locator("input[type=range]")
        to_the_start(control)
        spoken = control.get_attribute("aria-valuetext")
        assert moved(slider, lambda c: [c.press("ArrowRight") for _ in range(3)]), "not by keyboard"
        assert control.get_attribute("aria-valuetext") != spoken
        to_the_start(control)
        assert moved(slider, click_near_the_end), "not by pointer"
    assert opened.errors == []


@pytest.mark.parametrize("name", WITH_SLIDERS)
def test_pictures_stand_still_without_scripts(visit, name):
    opened = visit(name, View(scripts=False))
    for slider in opened.page.locator(SLIDER).all():
        assert slider.locator("img, svg, canvas, .sheet").first.bounding_box()["width"] > 50
        assert not slider.locator("input[type=range]").is_visible(), "a dead control"


def test_title_page_has_the_hero_slider(visit):
    assert visit(TITLE).page.locator(SLIDER).count() >= 1


def test_root_leads_to_the_title_page(visit):
    opened = visit("index.html", View(scripts=False))
    opened.page.wait_for_url(f"**/{TITLE}")


def test_buttons_lead_to_the_page_on_colab(visit):
    """On every notebook, and nowhere before the address is known."""
    address = first_cell.published_address()
    for name, path in PAGES.items():
        links = visit(name).page.locator("a[href*='colab.research']").evaluate_all("links => links.map(a => a.href)")
        on_colab = address.replace("https://github.com", "https://colab.research.google.com/github")
        source = path.relative_to(ROOT)
        assert set(links) == ({f"{on_colab}/blob/main/{source}"} if address and path.suffix == ".ipynb" else set())


def test_size(site):
    files = [p for p in site.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 30 * MEGABYTE
    assert {name: weight for name in PAGES if (weight := whole(site / name)) > MEGABYTE} == {}


def whole(page: Path) -> int:
    """Bytes of a page with the pictures that it shows; what all pages share is left out."""
    html = page.read_text(encoding="utf-8")
    pictures = {page.parent / source for source in re.findall(r'src="([^":]*_images/[^"]+)"', html)}
    return page.stat().st_size + sum(picture.stat().st_size for picture in pictures)
