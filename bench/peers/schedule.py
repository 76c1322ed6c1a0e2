"""What the Python peers share: the schedule, and sending with their ecosystem's limiter."""

import asyncio
import json
import os
import time

import aiohttp
from aiolimiter import AsyncLimiter

LIMITED = os.environ["PEER_LIMITS"] == "on"
URL = os.environ["PEER_SEND_URL"]


def read():
    """(ahead, live): items with `chat` and `at` (seconds since 1970)."""
    with open(os.environ["PEER_SCHEDULE"], encoding="utf-8") as file:
        items = [json.loads(line) for line in file]
    return [i for i in items if not i["live"]], [i for i in items if i["live"]]


async def produce(enqueue_ahead, enqueue_live):
    """Enqueues what is scheduled ahead at once, the rest each at its instant."""
    ahead, live = read()
    await enqueue_ahead(ahead)
    print("enqueued", flush=True)
    for item in sorted(live, key=lambda item: item["at"]):
        await asyncio.sleep(max(0.0, item["at"] - time.time()))
        await enqueue_live(item)


class Sender:
    """One POST over kept connections, limited as python-telegram-bot's AIORateLimiter does:
    30 a second, 20 a minute to a group, and everybody waits out a 429."""

    def __init__(self):
        self.overall = AsyncLimiter(30, 1)
        self.groups = {}
        self.open = asyncio.Event()
        self.open.set()
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64))

    async def send(self, chat):
        while True:
            if LIMITED:
                if chat < 0:
                    await self.groups.setdefault(chat, AsyncLimiter(20, 60)).acquire()
                await self.overall.acquire()
                await self.open.wait()
            body = {"chat_id": chat, "text": "a reminder"}
            async with self.session.post(URL, json=body) as answer:
                told = await answer.json()
            if told["ok"]:
                return
            if told.get("error_code") != 429:
                raise RuntimeError(told)
            self.open.clear()
            await asyncio.sleep(told["parameters"]["retry_after"] + 0.1)
            self.open.set()
