"""What strangers put into paths, queries, headers, cookies, forms and bodies; and what is nearly right."""

import json
from random import Random

SCRIPT = "\"'><script>alert(1)</script>"  # no answer may hold it as it is
BIDI = "\u202ereversed\u202c \u2066x\u2069"
UNSEEN = "a\u200bb\u200f\ufeff\u00ad"
TEXTS = (
    *(
        "",
        " ",
        "0",
        "-1",
        "1",
        "2",
        "3",
        "١٢",
        "\uff11",
        "1_000",
        "1e9",
        "9" * 5_000,
        "NaN",
        "0x1f",
    ),
    *("2147483648", "9223372036854775807", "9223372036854775808", "1" * 30, "true", "null", "None"),
    *(
        "\x00",
        "a\x00b",
        "\r\nSet-Cookie: x=1",
        "\n",
        "\t",
        "\x1b[31mred",
        "\x7f",
        "\ud800",
        "x\udfff",
    ),
    *(
        SCRIPT,
        BIDI,
        UNSEEN,
        "=1+1",
        "@SUM(A1)",
        "+cmd|'/C calc'!A0",
        "-2+3",
        "'; drop table payment--",
    ),
    *(
        "%00",
        "%s%s%n",
        "{{7*7}}",
        "${7*7}",
        "../../etc/passwd",
        "..\\..",
        "//evil.example",
        "\\\\evil",
    ),
    *("https://evil.example/", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd"),
    *("é" * 300, "😀" * 60, "a" * 3_000, "ß", "İ", "\u0130i", "Z\u0351\u036b\u0343", "नमस्ते"),
    *("0712345678", "0712 345 678", "+254 712 345 678", "0202", "07" + "1" * 40, "٠٧١٢٣٤٥٦٧٨"),
    *(
        "500",
        "-500",
        "1.5",
        "1,499",
        "250001",
        "2026-11-21",
        "2026-02-30",
        "0000-00-00",
        "9999-12-31",
    ),
    *("2007-03-05", "amina@example.co.ke", "a@b", "owner", "finance", "boss", "TKL4H7Q2MX", "tkl"),
    *(
        "day",
        "month",
        "charged_twice",
        "other",
        "csv",
        "json",
        "en",
        "sw",
        "all",
        "none",
        "paid",
        "week",
    ),
    *(
        "#0a6b3d",
        "#ffffff",
        "ws_CO_1",
        "now",
        "end",
        "later",
        "standard",
        "default",
        "duka",
        "a" * 64,
    ),
    *("Because she called", "correct horse battery", "true horse battery 9", "1234", "000000"),
)
HEADERS = (
    *("Accept", "Accept-Language", "Accept-Encoding", "Authorization", "Cookie", "Content-Type"),
    *("HX-Request", "HX-Target", "HX-Current-URL", "Host", "Origin", "Referer", "User-Agent"),
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-HTTP-Method-Override"),
    *("If-None-Match", "If-Modified-Since", "Range", "Expect", "Transfer-Encoding", "X-CSRFToken"),
    *("Content-Length", "Content-Encoding", "Forwarded", "X-Original-URL", "Upgrade", "Date"),
)
VALUES = (
    *(
        "1",
        "true",
        "*/*",
        "application/json",
        "text/html;q=0.1, */*;q=NaN",
        "sw-KE, en;q=0.9",
        "x" * 4_000,
    ),
    *(
        "gzip;q=2, *",
        "gzip",
        "br",
        "bytes=0-1,-5",
        "127.0.0.1",
        "196.201.214.200, 10.0.0.1",
        '"',
        "::1%<b>",
    ),
    *(
        "evil.example",
        "localhost:99999",
        "[::1",
        "chunked",
        "deflate",
        "Basic Og==",
        "Bearer x",
        "malipo=.",
    ),
    *(
        "malipo=eyJtaW5lIjpbXX0.x.y; lang=xx",
        "lang=sw; lang=en",
        'W/"x"',
        "*",
        "Tue, 99 Foo 2026",
        "-1",
    ),
    *("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=b"),
    *(
        "application/x-www-form-urlencoded; charset=utf-7",
        "text/plain; charset=\u00ff",
        "http://localhost/",
    ),
)
METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "PROPFIND",
    "get",
    "X",
)
CALLBACK = {
    "Body": {
        "stkCallback": {
            "MerchantRequestID": "1-2-3",
            "CheckoutRequestID": "ws_CO_1",
            "ResultCode": 0,
            "ResultDesc": "The service request is processed successfully.",
            "CallbackMetadata": {
                "Item": [
                    {"Name": "Amount", "Value": 500},
                    {"Name": "MpesaReceiptNumber", "Value": "TKL4H7Q2MX"},
                    {"Name": "TransactionDate", "Value": 20261121144300},
                    {"Name": "PhoneNumber", "Value": 254712345678},
                ]
            },
        }
    }
}

LEAVES = ('"ws_CO_1"', '"ResultCode": 0', "500", '"TKL4H7Q2MX"', "20261121144300", "254712345678")
BODIES = (
    b"",
    b"[" * 9_000,
    b'{"a":' * 200,
    b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf{}",
    b'{"a":1,"a":2}',
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="\x00../x"\r\n\r\n\x00\r\n--b--',
    b"--b\r\n" * 500,
    b"phone=%ff%fe&phone=0712345678&attempt=%00",
    b"&" * 5_000,
    b"x" * 70_000,
)
# Latin, Arabic, combining, CJK, bidi and invisible, surrogates, private, emoji.
ALPHABETS = (
    *((1, 255), (1536, 1791), (768, 879), (19968, 20500), (8192, 8303), (55296, 57343)),
    *((57344, 57400), (128512, 128590), (32, 126), (32, 126)),
)
DEEPEST, WIDEST = 4, 4


class Luck(Random):
    """All of a round's chance, from one seed."""

    def seldom(self, one_in=12):
        return self.randrange(one_in) == 0

    def text(self):
        if not self.seldom(3):
            return self.choice(TEXTS)
        first, last = self.choice(ALPHABETS)
        return "".join(chr(self.randint(first, last)) for _ in range(self.randrange(30)))

    def pairs(self, names):
        name = lambda: self.text() if self.seldom(8) else self.choice(names)  # noqa: E731
        return tuple((name(), self.text()) for _ in range(self.randrange(6)))

    def tree(self, depth=0):
        """Anything that JSON can hold."""
        kind = self.randrange(6 if depth < DEEPEST else 4)
        if kind == 5:
            return {self.text(): self.tree(depth + 1) for _ in range(self.randrange(WIDEST))}
        if kind == 4:
            return [self.tree(depth + 1) for _ in range(self.randrange(WIDEST))]
        numbers = (self.randint(-9, 9), 10 ** self.randrange(400), float("nan"), 1e308, -0.0, 0.5)
        return (self.text(), self.choice(numbers), None, self.seldom(2))[kind]

    def body(self):
        """Safaricom's message with some of its values replaced: nearly right is the hardest."""
        if self.seldom(4):
            return self.choice(BODIES)
        if self.seldom(4):
            return self.randbytes(self.randrange(300))
        if self.seldom(4):
            return json.dumps(self.tree()).encode()
        text = json.dumps(CALLBACK)
        for old in self.sample(LEAVES, self.randrange(4)):
            text = text.replace(old, json.dumps(self.tree()), 1)
        return text.encode()
