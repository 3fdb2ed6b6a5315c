"""Pages as a browser reads them, and the forms on them."""

import html5lib
from bs4 import BeautifulSoup, Tag

from tests.simulator.support import Shop


def seen(shop: Shop, url: str = "/", base_url: str | None = None) -> BeautifulSoup:
    answer = shop.client.get(url, base_url=base_url)
    assert answer.status_code == 200
    html5lib.HTMLParser(strict=True).parse(answer.text)
    return BeautifulSoup(answer.text, "html5lib")


def only(page: Tag, selector: str) -> Tag:
    [tag] = page.select(selector)
    return tag


def press(shop: Shop, path: str, **form: str) -> str:
    answer = shop.client.post(f"/phone/{path}", data=form)
    assert answer.status_code == 303
    return str(answer.headers["Location"])
