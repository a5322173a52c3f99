#!/usr/bin/env python3
"""Subscribes over a WebSocket and comes back by itself, as Python's `websockets` (`async for`) and, with `--library aiohttp`,
`aiohttp` do it on their own pages: it subscribes by message, behind the last event that it had.

  returns.py URL COUNT     until COUNT events of the registry have come; each message is a line of JSON on stdout

stderr tells `open` each time. Exit status: 0 done, 3 timed out; any other way in which the library gives up is an error.
"""

import argparse
import asyncio
import json
import sys

import aiohttp
import websockets


class Follower:
    def __init__(self, count):
        self.count = count
        self.events = 0
        self.last = None

    def request(self):
        after = {"after": self.last} if self.last else {}
        return json.dumps({"subscribe": {"id": "all", "batch": {"cutoff": "0"}, **after}})

    def take(self, text):
        print(text, flush=True)
        message = json.loads(text)
        if "subscribed" in message:
            print("open", file=sys.stderr, flush=True)
            self.last = self.last or message["subscribed"]["position"]
        for event in message.get("messages", []):
            self.events += 1
            self.last = event["event_metadata"]["event_id"]
        return self.events >= self.count

    async def by_websockets(self, url):
        async for socket in websockets.connect(url, proxy=None):
            try:
                await socket.send(self.request())
                async for text in socket:
                    if self.take(text):
                        return
            except websockets.ConnectionClosed:
                pass

    async def by_aiohttp(self, url):
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.ws_connect(url, heartbeat=10) as socket:
                        await socket.send_str(self.request())
                        async for message in socket:
                            if self.take(message.data):
                                return
                except aiohttp.ClientConnectionError:
                    pass
                await asyncio.sleep(0.5)


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("count", type=int)
    parser.add_argument("--library", choices=["websockets", "aiohttp"], default="websockets")
    arguments = parser.parse_args()
    follower = Follower(arguments.count)
    follow = follower.by_websockets if arguments.library == "websockets" else follower.by_aiohttp
    try:
        await asyncio.wait_for(follow(arguments.url), 30)
    except asyncio.TimeoutError:
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
