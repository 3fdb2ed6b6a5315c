"""A Safaricom that only remembers what it was told; the test answers in its place."""

import json
import re
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

ACCEPTED = {
    "MerchantRequestID": "29115-34620561-1",
    "ResponseCode": "0",
    "ResponseDescription": "Success. Request accepted for processing",
    "CustomerMessage": "Success. Request accepted for processing",
}


@contextmanager
def safaricom(access_token, checkout_id):
    """Yields its address, and the bodies that it was sent."""
    told = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer({"access_token": access_token, "expires_in": "3599"})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.append(body)
            asked = re.search("query", self.path)
            more = {"ResultCode": "0", "ResultDesc": "The service request is processed"}
            self.answer(ACCEPTED | {"CheckoutRequestID": checkout_id} | (more if asked else {}))

        def answer(self, words):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(words).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
