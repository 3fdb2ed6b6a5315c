"""`make screens`: all pages of one language and size on one picture, to be looked at by a person."""

import sys
from html import escape

from playwright.sync_api import sync_playwright

from tests.running import CHROMIUM, ROOT, launched

SCREENS = ROOT / "instance/screens"
# docs/payment-page.png: a language, a page; copy instance/screens/readme.png there when pages change.
README = (
    *(("en", "form"), ("en", "waiting_prompt"), ("en", "waiting_pin"), ("en", "paid")),
    *(("sw", "waiting_pin"), ("sw", "failed_insufficient_funds"), ("sw", "paid")),
)
SHOWN = {"360x640": (9, 270, 560), "1280x800": (6, 480, 300)}  # in a row; width and height of each
GAP = 14
STYLE = """
  body {{ margin: {gap}px; background: #78807a; font: 13px system-ui; color: #fff }}
  main {{ display: grid; grid-template-columns: repeat({columns}, {width}px); gap: {gap}px }}
  figure {{ margin: 0 }} figcaption {{ padding: 2px }} img {{ display: block; width: 100% }}
  figure > div {{ height: {height}px; overflow: hidden }}
"""


def main():
    """Returns 1 when there is nothing to show: `make browser` makes the screens."""
    folders = sorted(path for path in SCREENS.glob("*/*") if path.is_dir())
    if not folders or CHROMIUM is None:
        sys.stderr.write(f"No screens in {SCREENS}, or no Chromium: make browser\n")
        return 1
    with sync_playwright() as playwright:
        browser = launched(playwright)
        for folder in folders:
            sys.stdout.write(f"{sheet(browser, folder)}\n")
        sys.stdout.write(f"{readme(browser)}\n")
        browser.close()
    return 0


def sheet(browser, folder):
    language, size = folder.parts[-2:]
    figures = "".join(figure(path, path.stem) for path in sorted(folder.glob("*.png")))
    return picture(browser, f"sheet-{language}-{size}", figures, SHOWN[size])


def readme(browser):
    paths = [SCREENS / language / "360x640" / f"{name}.png" for language, name in README]
    figures = "".join(figure(path, "") for path in paths)
    return picture(browser, "readme", figures, (len(README), 224, 400))


def picture(browser, name, figures, measures):
    html = SCREENS / f"{name}.html"
    html.write_text(page(figures, *measures), encoding="utf-8")
    shown = browser.new_page(viewport={"width": width_of(*measures), "height": 400})
    shown.goto(html.as_uri())
    made = html.with_suffix(".png")
    shown.screenshot(path=made, full_page=True)
    shown.close()
    html.unlink()
    return made


def page(figures, columns, width, height):
    style = STYLE.format(columns=columns, width=width, height=height, gap=GAP)
    return f"<!DOCTYPE html><meta charset=utf-8><style>{style}</style><main>{figures}</main>"


def figure(path, caption):
    shown = f'<div><img src="{path.as_uri()}"></div>'
    return f"<figure>{shown}<figcaption>{escape(caption)}</figcaption></figure>"


def width_of(columns, width, _height):
    return columns * width + (columns + 1) * GAP


if __name__ == "__main__":
    sys.exit(main())
