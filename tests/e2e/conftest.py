"""`make run` on a fresh copy, and a real browser. Without Chromium these tests are skipped."""

from tests.running import browser, malipo, root, settings_of_malipo, visitor

__all__ = ["browser", "malipo", "root", "settings_of_malipo", "visitor"]
