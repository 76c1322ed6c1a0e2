"""The source's design: a table, looked at every 30 seconds, 50 rows at a time, sent one by one."""

import asyncio
import os
import sys
from datetime import datetime, timezone

import asyncpg

import schedule

EVERY = 30
DATABASE = os.environ["PEER_DATABASE_URL"]
TABLE = """
    CREATE TABLE notifications (
        id bigserial PRIMARY KEY, chat_id bigint NOT NULL, scheduled_at timestamptz NOT NULL,
        status text NOT NULL DEFAULT 'pending', sent_at timestamptz
    );
    CREATE INDEX ON notifications (scheduled_at) WHERE status = 'pending'
"""


async def produce():
    connection = await asyncpg.connect(DATABASE)
    await connection.execute(TABLE)

    async def ahead(items):
        rows = [(i["chat"], datetime.fromtimestamp(i["at"], timezone.utc)) for i in items]
        await connection.copy_records_to_table(
            "notifications", records=rows, columns=["chat_id", "scheduled_at"]
        )

    async def live(item):
        await ahead([item])

    await schedule.produce(ahead, live)


async def work():
    connection = await asyncpg.connect(DATABASE)
    sender = schedule.Sender()
    print("ready", flush=True)
    while True:
        due = await connection.fetch(
            "SELECT id, chat_id FROM notifications WHERE status = 'pending'"
            " AND scheduled_at <= now() ORDER BY scheduled_at LIMIT 50"
        )
        for row in due:
            await sender.send(row["chat_id"])
            await connection.execute(
                "UPDATE notifications SET status = 'sent', sent_at = now() WHERE id = $1", row["id"]
            )
        await asyncio.sleep(EVERY)


asyncio.run({"produce": produce, "work": work}[sys.argv[1]]())
