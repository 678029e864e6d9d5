"""What all tests share: one thread, no live controls, examples of hypothesis that do not change from run to run."""

import os

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ["SNIP_STATIC"] = "1"

import hypothesis
import pytest
import torch

from tools import browser

torch.set_num_threads(1)
hypothesis.settings.register_profile("book", deadline=None, derandomize=True)
hypothesis.settings.load_profile("book")


@pytest.fixture(scope="session")
def chromium():
    """The browser, started once; the tests that need it are skipped where there is none."""
    path = browser.find()
    if path is None:
        pytest.skip(browser.REASON)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = playwright.chromium.launch(executable_path=path, args=browser.ARGUMENTS)
        yield program
        program.close()


@pytest.fixture
def open_html(chromium, tmp_path):
    """A function that opens HTML from disk; at the end nothing was asked from outside, and nothing complained."""
    contexts, complaints = [], []

    def open_page(body: str, style: str = "margin: 16px", **options):
        file = tmp_path / "page.html"
        head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title>'
        viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
        file.write_text(f'{head}{viewport}<body style="{style}">{body}', "utf-8")
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda it: it.url.startswith(("file:", "data:")) or complaints.append(it.url))
        page.goto(file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
