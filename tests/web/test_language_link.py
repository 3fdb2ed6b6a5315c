"""The way to the same page in the other language."""

import pytest

from tests import factories
from tests.web import forms
from tests.web.test_language import spoken
from tests.web.test_payment_page import settle, started


def link(answer):
    return forms.page(answer).find("a", class_="lang")


@pytest.mark.parametrize(
    "path",
    ["/", "/subscribe/standard", "/help/mpesa", "/privacy", "/nowhere", "/pay/unknown"],
)
def test_every_page_links_to_itself_in_the_other_language(client, plan, path):
    found = link(client.get(path))
    assert (found.text.strip(), found["href"]) == ("Kiswahili", "?lang=sw")
    assert found["lang"] == found["hreflang"] == "sw"
    there = client.get(path + found["href"])
    assert spoken(there) == "sw"
    back = link(there)
    assert (back.text.strip(), back["href"], back["lang"]) == ("English", "?lang=en", "en")


def test_the_link_keeps_what_belongs_to_the_page_and_nothing_else(client, plan):
    carried = "ref=INV+77&return=https%3A%2F%2Fshop.test%2F"
    url = f"/subscribe/standard?{carried}"
    found = link(client.get(f"{url}&phone=0712345678&csrf_token=x&lang=en"))
    assert found["href"] == f"?{carried}&lang=sw"
    sent = forms.fields(client.get(url)) | {"phone": "0712"}
    refused = client.post("/subscribe/standard", data=sent)
    assert refused.status_code == 422
    assert link(refused)["href"] == f"?{carried}&lang=sw"
    assert link(client.get("/help/mpesa?m=default&x=y"))["href"] == "?m=default&lang=sw"
    wrong = client.get(f"/subscribe/standard?ref={'x' * 65}")
    assert link(wrong)["href"] == f"?ref={'x' * 65}&lang=sw"


def test_a_refused_button_links_to_the_page_of_the_payment(client, plan):
    payment, hook = started(client)
    settle(hook, factories.success())
    refused = forms.press(client, f"/pay/{payment.token}/retry")
    assert refused.status_code == 422
    assert link(refused)["href"] == f"/pay/{payment.token}?lang=sw"
    assert "Malipo yamepokelewa" in client.get(link(refused)["href"]).text
