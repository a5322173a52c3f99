#!/usr/bin/env python3
"""Asks for compression as `websockets` and `aiohttp` do, with each window that they can ask a server for.

    deflate.py URL

Prints a list: for each way how many events the first batch holds, and whether its messages are compressed. `websockets`
fails where the answer is not one to what it asked for.
"""

import asyncio
import json
import sys

import aiohttp
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory


def events(text):
    return len(json.loads(text).get("messages", []))


async def by_websockets(url, **asked):
    factory = ClientPerMessageDeflateFactory(**asked)
    async with connect(url, extensions=[factory], compression=None, proxy=None) as socket:
        names = [extension.name for extension in socket.protocol.extensions]
        count = 0
        while count == 0:
            count = events(await asyncio.wait_for(socket.recv(), 10))
        return {"by": f"websockets {asked}", "events": count, "compressed": names == ["permessage-deflate"]}


async def by_aiohttp(url):
    async with aiohttp.ClientSession() as session:
        # A smaller number asks for a smaller window of the server's, which is declined.
        async with session.ws_connect(url, compress=15) as socket:
            count = 0
            while count == 0:
                count = events(await socket.receive_str(timeout=10))
            return {"by": "aiohttp", "events": count, "compressed": socket.compress > 0}


async def main(url):
    told = [
        await by_websockets(url),
        await by_websockets(url, server_max_window_bits=15),
        await by_websockets(url, server_max_window_bits=15, client_max_window_bits=9),
        await by_websockets(url, client_max_window_bits=12, server_no_context_takeover=True),
        await by_aiohttp(url),
    ]
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
