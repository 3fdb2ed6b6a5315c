"""Invented people: Kenyan names, numbers that nobody was asked for."""

from random import Random

FIRST = (
    "Achieng Akinyi Amina Anyango Atieno Barasa Brian Chebet Cheptoo Collins Daniel David Dennis "
    "Esther Eunice Evans Faith Fatuma Felix George Grace Halima Hassan Ibrahim Ian Jackline James "
    "Jane Joseph Joyce Juma Kamau Kariuki Kelvin Kevin Khadija Kiprono Kipkemoi Leah Lilian Lucy "
    "Maina Makena Margaret Mary Mercy Moraa Moses Muthoni Mutua Mwende Nafula Naliaka Nekesa Njeri "
    "Njoroge Nyambura Ochieng Odhiambo Omar Otieno Ouma Patrick Peter Purity Rehema Rose Ruth Said "
    "Samuel Sharon Simon Stephen Susan Victor Wafula Wambui Wangari Wanjiku Wanjiru Winnie Zainab"
)
LAST = (
    "Abdi Ali Aluoch Barasa Chege Cherono Cheruiyot Gathoni Gitau Kamau Karanja Kariuki Keter Kibet "
    "Kilonzo Kimani Kimeu Kinyua Kiplagat Kirui Koech Langat Macharia Maina Makau Mbugua Mohamed "
    "Musyoka Muriithi Mutai Muthama Mutiso Mutua Mwangi Mwikali Ndegwa Ndung'u Ngugi Njoroge Nyaga "
    "Nyongesa Obara Ochieng Odhiambo Okello Okoth Omondi Onyango Osman Ouma Rotich Simiyu Wafula "
    "Wainaina Wekesa Yusuf"
)
# Not 0712 and 0722, which people type when they try the demo.
PREFIXES = ("701", "708", "710", "714", "720", "725", "741", "757", "768", "791", "795", "111")
NAMED = 0.85  # the merchant knows the others by their number only
SWAHILI = 0.3


class Crowd:
    """Somebody new each time."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)  # noqa: S311 - a story, not a secret
        self._first, self._last = FIRST.split(), LAST.split()
        self._phones: set[str] = set()

    def phone(self) -> str:
        number = f"254{self._chance.choice(PREFIXES)}{self._chance.randrange(10**6):06}"
        if number in self._phones:
            return self.phone()
        self._phones.add(number)
        return number

    def name(self) -> str | None:
        if self._chance.random() > NAMED:
            return None
        return f"{self._chance.choice(self._first)} {self._chance.choice(self._last)}"

    def language(self) -> str:
        return "sw" if self._chance.random() < SWAHILI else "en"
