"""A Safaricom that takes its time: every push and every question is answered after a second.

    .venv/bin/python bench/safaricom.py PORT SECONDS

asyncio and nothing else, so that it costs the machine little. It never calls back.
"""

import asyncio
import json
import sys
from itertools import count

numbers = count(1)


def answer(path: str, body: bytes) -> dict[str, object]:
    if path.startswith("/oauth"):
        return {"access_token": "bench-token", "expires_in": "3599"}
    if "query" in path:
        asked = json.loads(body)["CheckoutRequestID"]
        return {
            "ResponseCode": "0",
            "ResponseDescription": "The service request has been accepted successsfully",
            "MerchantRequestID": "1-2-3",
            "CheckoutRequestID": asked,
            "ResultCode": "0",
            "ResultDesc": "The service request is processed successfully.",
        }
    number = next(numbers)
    return {
        "MerchantRequestID": f"1-2-{number}",
        "CheckoutRequestID": f"ws_CO_261120261200{number:016d}",
        "ResponseCode": "0",
        "ResponseDescription": "Success. Request accepted for processing",
        "CustomerMessage": "Success. Request accepted for processing",
    }


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wait: float) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode().split("\r\n")
            fields = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
            body = await reader.readexactly(int(fields.get("content-length", "0")))
            path = lines[0].split()[1]
            if not path.startswith(("/oauth", "/healthz")):
                await asyncio.sleep(wait)
            said = json.dumps(answer(path, body)).encode() if path != "/healthz" else b"{}"
            start = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
            writer.write(f"{start}{len(said)}\r\n\r\n".encode() + said)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(port: int, wait: float) -> None:
    server = await asyncio.start_server(
        lambda reader, writer: serve(reader, writer, wait), "127.0.0.1", port
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
