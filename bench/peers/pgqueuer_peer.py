"""pgqueuer: `produce` or `work`. Tuned: it looks every 5 ms and takes 100 at a time."""

import asyncio
import os
import signal
import sys
import time
from datetime import timedelta

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.queries import Queries

import schedule

DATABASE = os.environ["PEER_DATABASE_URL"]
TUNED = os.environ["PEER_TUNED"] == "yes"


async def produce():
    connection = await asyncpg.connect(DATABASE)
    queries = Queries.from_asyncpg_connection(connection)
    await queries.install()

    async def ahead(items):
        for start in range(0, len(items), 1000):
            part = items[start : start + 1000]
            now = time.time()
            after = [timedelta(seconds=max(0.0, item["at"] - now)) for item in part]
            chats = [str(item["chat"]).encode() for item in part]
            await queries.enqueue(["send"] * len(part), chats, [0] * len(part), after)

    async def live(item):
        await queries.enqueue("send", str(item["chat"]).encode(), priority=10)

    await schedule.produce(ahead, live)


async def work():
    pool = await asyncpg.create_pool(DATABASE, min_size=4, max_size=10)
    queuer = PgQueuer.from_asyncpg_pool(pool)
    if TUNED:
        queuer.qm.min_dequeue_poll_interval = timedelta(milliseconds=5)
    sender = schedule.Sender()

    @queuer.entrypoint("send")
    async def send(job):
        await sender.send(int(job.payload))

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, queuer.shutdown.set)
    print("ready", flush=True)
    await queuer.run(batch_size=100 if TUNED else 10)
    await sender.session.close()


asyncio.run({"produce": produce, "work": work}[sys.argv[1]]())
