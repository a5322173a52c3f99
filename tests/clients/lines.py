#!/usr/bin/env python3
"""Reads a stream by lines as Python's libraries do, some of which cut at more than the ends of lines of JSON.

    lines.py URL COUNT

Reads COUNT events of the one URL as `application/x-ndjson` and as `text/event-stream`, with each library. Prints an
object: for each library its messages as a list of JSON values. A line that is no JSON ends it with an error.
"""

import asyncio
import json
import sys

import aiohttp
import httpx
import requests
import sseclient
from httpx_sse import connect_sse

LINES = {"Accept": "application/x-ndjson"}
SENT = {"Accept": "text/event-stream"}


def first(count, texts):
    """So many events of a list of JSON texts, and what comes before them."""
    read, events = [], 0
    for text in texts:
        if not text.strip():
            continue
        value = json.loads(text)
        read.append(value)
        events += len(value["messages"]) if "messages" in value else "event_metadata" in value
        if events >= count:
            return read
    raise SystemExit("it ended early")


def by_requests(url, count):
    with requests.get(url, headers=LINES, stream=True, timeout=10) as answer:
        answer.encoding = "utf-8"
        return first(count, answer.iter_lines(chunk_size=1, decode_unicode=True))


def by_httpx(url, count):
    with httpx.stream("GET", url, headers=LINES, timeout=10, trust_env=False) as answer:
        answer.encoding = "utf-8"
        return first(count, answer.iter_lines())


async def by_aiohttp(url, count):
    async with aiohttp.ClientSession(headers=LINES) as session, session.get(url) as answer:
        texts = []
        while len([text for text in texts if "event_metadata" in text]) < count:
            piece = await asyncio.wait_for(answer.content.readline(), 10)
            texts += piece.decode("utf-8").splitlines()
        return first(count, texts)


def by_httpx_sse(url, count):
    with httpx.Client(timeout=10, trust_env=False) as client:
        with connect_sse(client, "GET", url) as source:
            return first(count, (sent.data for sent in source.iter_sse()))


def by_sseclient(url, count):
    with requests.get(url, headers=SENT, stream=True, timeout=10) as answer:
        return first(count, (sent.data for sent in sseclient.SSEClient(answer).events()))


def main(url, count):
    told = {
        "requests": by_requests(url, count),
        "httpx": by_httpx(url, count),
        "aiohttp": asyncio.run(by_aiohttp(url, count)),
        "httpx-sse": by_httpx_sse(url, count),
        "sseclient-py": by_sseclient(url, count),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
