"""The browser that pages are opened in."""

import shutil

import pytest


def chromium(play):
    """Chromium, the system's or Playwright's own; skips where neither starts."""
    from playwright.sync_api import Error

    names = "chromium", "chromium-browser", "google-chrome"
    installed = next(filter(None, map(shutil.which, names)), None)
    try:
        return play.chromium.launch(executable_path=installed)
    except Error as error:
        pytest.skip(f"no Chromium: {error.message.splitlines()[0]}")
