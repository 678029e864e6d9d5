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
