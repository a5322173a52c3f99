#!/usr/bin/env python3
"""Listens with Python's `httpx-sse`, or with `--library sseclient-py`, and prints every server-sent event as one line of
JSON on stdout.

stderr tells `open` each time. Exit status: 0 done, 2 wrong arguments, 3 timed out, 4 refused.
sse.mjs keeps the same contract. These libraries do not reconnect, so that is done here, as their own pages show.
"""

import argparse
import json
import os
import ssl
import sys
import time

import httpx
import requests
import sseclient
from httpx_sse import SSEError, connect_sse

DONE, TIMED_OUT, REFUSED = 0, 3, 4
LOST = (
    httpx.TransportError,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("count", type=int, help="events of the registry to wait for")
    parser.add_argument("--settle", type=float, default=500, metavar="MS", help="wait for surplus events")
    parser.add_argument("--timeout", type=float, default=30, metavar="S", help="for COUNT events")
    parser.add_argument("--library", choices=["httpx-sse", "sseclient-py"], default="httpx-sse")
    return parser.parse_args()


class Listener:
    def __init__(self, arguments):
        self.arguments = arguments
        self.last = ""
        self.events = 0
        self.deadline = time.monotonic() + arguments.timeout
        # Everything that was waited for has come.
        self.settling = False

    def take(self, sent):
        self.last = sent.id or self.last
        data = json.loads(sent.data)
        print(json.dumps({"event": sent.event, "id": self.last, "data": data}), flush=True)
        if sent.event == "message":
            self.events += len(data["messages"])
        if not self.settling and self.events >= self.arguments.count:
            self.settling = True
            self.deadline = time.monotonic() + self.arguments.settle / 1000

    def listen(self):
        """One connection; returns when it is lost or the time is over."""
        complete = self.settling
        left = max(self.deadline - time.monotonic(), 0.01)
        connect = self.httpx_sse if self.arguments.library == "httpx-sse" else self.sseclient_py
        for sent in connect({"Last-Event-ID": self.last} if self.last else {}, left):
            self.take(sent)
            if self.settling and not complete:
                # Once more, for as long as surplus may come: a read has one time limit only.
                return

    def httpx_sse(self, headers, left):
        # A proxy has no place on loopback, so the environment is not looked at, but for whose certificates are trusted.
        trust = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
        with httpx.Client(timeout=httpx.Timeout(5, read=left), trust_env=False, verify=trust) as client:
            with connect_sse(client, "GET", self.arguments.url, headers=headers) as source:
                source.response.raise_for_status()
                print("open", file=sys.stderr, flush=True)
                yield from source.iter_sse()

    def sseclient_py(self, headers, left):
        headers = {"Accept": "text/event-stream", **headers}
        with requests.Session() as session:
            session.trust_env = False
            with session.get(self.arguments.url, stream=True, headers=headers, timeout=(5, left)) as response:
                response.raise_for_status()
                print("open", file=sys.stderr, flush=True)
                yield from sseclient.SSEClient(response.iter_content(chunk_size=None)).events()

    def settle(self):
        """Everything has come; what comes now is too much."""
        try:
            self.listen()
        except LOST:
            pass


def main():
    listener = Listener(read_arguments())
    while time.monotonic() < listener.deadline:
        try:
            listener.settle() if listener.settling else listener.listen()
        except (httpx.HTTPStatusError, requests.HTTPError, SSEError) as refused:
            print(f"refused {refused}", file=sys.stderr)
            return REFUSED
        except LOST:
            time.sleep(0.2)
    return DONE if listener.settling else TIMED_OUT


if __name__ == "__main__":
    sys.exit(main())
