"""What is wrong with a page, for eyes, fingers and screen readers."""

import re
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Error

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES = {
    "runOnly": {"type": "tag", "values": TAGS},
    "resultTypes": ["violations", "incomplete"],
}
AXE = Axe()
# Two colours side by side are one picture to axe: each text gets the one that it stands on.
# The ring's picture lies around its digits, and a reader does not hear of either.
WITHOUT_GRADIENT = """(() => {
  document.querySelectorAll('.ring svg').forEach(e => { e.style.visibility = 'hidden'; });
  const sides = getComputedStyle(document.body).backgroundImage.match(/rgba?\\([^)]*\\)/g);
  if (!sides) { return; }
  document.body.style.background = sides[sides.length - 1];
  document.querySelectorAll('header *, main *').forEach(e => {
    const box = e.getBoundingClientRect();
    if (box.right <= innerWidth / 2 && getComputedStyle(e).backgroundColor === 'rgba(0, 0, 0, 0)') {
      e.style.background = sides[0];
    }
  });
})()"""
LOOK = Path(__file__).with_name("look.js").read_text()
NARROWEST = 320
REFUSED = "Unable to capture screenshot"
# Everything that is read or read out: texts, labels, the sentences that scripts will say.
TEXTS = """[document.title, document.body.innerText,
  ...[...document.querySelectorAll('*')].flatMap(e => ['aria-label', 'alt', 'data-live', 'data-done',
    'data-on', 'data-off', 'data-offline', 'data-slow', 'data-lost', 'data-ready', 'data-pattern']
    .map(name => e.getAttribute(name)).filter(Boolean))]"""
ENGLISH = re.compile(
    r"\b(the|you|your|this|that|is|are|was|has|have|not|with|please|again|for|from|of|and|"
    r"pay|paid|payment|plan|sound|copy|receipt|left|help|back|print|date|amount|error)\b",
    re.IGNORECASE,
)


def keep(page, path):
    """A picture of the whole page. Chromium refuses one at times, and takes the same when asked again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for tries_left in (2, 1, 0):
        try:
            page.screenshot(path=path, full_page=True, animations="disabled")
        except Error as error:
            if REFUSED not in str(error) or not tries_left:
                raise
            page.wait_for_timeout(250)
        else:
            return


def at(page):
    """At the size that the page has."""
    return page.evaluate(LOOK)


def narrow(page):
    """At the width of the smallest phones; the page has its size again afterwards."""
    size = page.viewport_size
    page.set_viewport_size({"width": NARROWEST, "height": 640})
    found = [f"at {NARROWEST}: {what}" for what in at(page)]
    page.set_viewport_size(size)
    return found


def heard(page):
    """By axe: WCAG 2.2 AA and good practice. A contrast that it cannot tell is a complaint too."""
    page.evaluate(WITHOUT_GRADIENT)
    told = AXE.run(page, options=RULES).response
    unsure = [one for one in told["incomplete"] if one["id"] == "color-contrast"]
    return [
        f"axe {one['id']}: {' '.join(node['html'].split())[:120]}: {node['failureSummary'][:160]}"
        for one in told["violations"] + unsure
        for node in one["nodes"]
    ]


def spoken(page, language):
    """Whether it speaks the language that it says it speaks."""
    said = page.evaluate("document.documentElement.lang")
    found = [] if said == language else [f"lang is {said!r}"]
    return found if language == "en" else found + english(page)


def english(page):
    texts = [line.strip() for text in page.evaluate(TEXTS) for line in text.splitlines()]
    return [f"English: {line}" for line in dict.fromkeys(texts) if ENGLISH.search(line)]
