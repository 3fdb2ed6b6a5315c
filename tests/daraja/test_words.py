"""A prompt that Safaricom would choke on never leaves."""

from dataclasses import replace

import pytest

from tests.daraja.safaricom import PROMPT


@pytest.mark.parametrize(
    "phone", ["0712345678", "254212345678", "254712345678\n", "٢٥٤٧١٢٣٤٥٦٧٨", ""]
)
def test_a_prompt_goes_to_a_kenyan_mobile(phone):
    with pytest.raises(ValueError, match="2547…") as refused:
        replace(PROMPT, phone=phone)
    assert "712345678" not in str(refused.value)


@pytest.mark.parametrize("amount", [0, -1, 20.0, True, "20"])
def test_a_prompt_asks_for_whole_shillings(amount):
    with pytest.raises(ValueError, match="whole shillings"):
        replace(PROMPT, amount=amount)


@pytest.mark.parametrize("reference", ["", "A" * 13, "inv-7", "A B", "A\n", "É"])
def test_a_prompts_reference_is_short_and_plain(reference):
    with pytest.raises(ValueError, match="reference"):
        replace(PROMPT, reference=reference)


@pytest.mark.parametrize("description", ["", "x" * 14, "a\nb", "é"])
def test_a_prompts_description_is_short_and_plain(description):
    with pytest.raises(ValueError, match="description"):
        replace(PROMPT, description=description)
