#!/usr/bin/env python3
"""Subscribes with Python's `websockets` and prints every text message as one line on stdout.

stderr tells `open`, `refused STATUS BODY` and `close CODE REASON`.
Exit status: 0 done, 2 wrong arguments, 3 timed out, 4 refused or closed by the server.
subscribe.mjs keeps the same contract.
"""

import argparse
import json
import sys
import time

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import connect

DONE, TIMED_OUT, CLOSED = 0, 3, 4


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("count", type=int, nargs="?", help="events to wait for (0: none is expected)")
    parser.add_argument("--seconds", type=float, help="instead of COUNT: how long to listen")
    parser.add_argument("--send", action="append", default=[], metavar="JSON", help="sent once open")
    parser.add_argument("--settle", type=float, default=500, metavar="MS", help="wait for surplus events")
    parser.add_argument("--timeout", type=float, default=30, metavar="S", help="for COUNT events")
    arguments = parser.parse_args()
    if (arguments.count is None) == (arguments.seconds is None):
        parser.error("wanted: URL and either COUNT or --seconds N")
    return arguments


def tell(line):
    print(line.rstrip(), file=sys.stderr, flush=True)


def listen(socket, arguments):
    """Prints messages until the wanted ones have come, and says how it ended."""
    started = time.monotonic()
    events = 0
    settling = False
    if arguments.count is None:
        deadline, at_deadline = started + arguments.seconds, DONE
    else:
        deadline, at_deadline = started + arguments.timeout, TIMED_OUT
    try:
        for message in arguments.send:
            socket.send(message)
        while True:
            if arguments.count is not None and not settling and events >= arguments.count:
                settling = True
                deadline, at_deadline = time.monotonic() + arguments.settle / 1000, DONE
            left = deadline - time.monotonic()
            if left <= 0:
                return at_deadline
            message = socket.recv(timeout=left)
            if isinstance(message, bytes):
                tell(f"binary {len(message)}")
                continue
            print(message, flush=True)
            events += len(json.loads(message).get("messages", []))
    except TimeoutError:
        return at_deadline
    except ConnectionClosed:
        # Everything expected had come, so an early end while settling is no failure.
        return DONE if settling else CLOSED


def main():
    arguments = read_arguments()
    # An envelope may be larger than the default limit of 1 MiB, and a proxy has no place on loopback.
    options = {"max_size": None, "proxy": None, "close_timeout": 1, "open_timeout": arguments.timeout}
    try:
        with connect(arguments.url, **options) as socket:
            tell("open")
            status = listen(socket, arguments)
        tell(f"close {socket.close_code} {socket.close_reason or ''}")
        return status
    except InvalidStatus as refused:
        body = (refused.response.body or b"").decode(errors="replace").strip()
        tell(f"refused {refused.response.status_code} {body}")
    except TimeoutError:
        return TIMED_OUT
    except (OSError, WebSocketException) as error:
        tell(f"error {error}")
    return CLOSED


if __name__ == "__main__":
    sys.exit(main())
