#!/usr/bin/env python3
"""A bot in another language: asks what is to be sent, sends it, says what became of it, and who
wrote to it.

Nothing but the standard library. Settings are environment variables:

OLM_URL               where gateway-rest is, such as http://127.0.0.1:8080
OLM_SERVICE_KEY       the key of the caller that polls for this bot
TELEGRAM_BOT_TOKEN    from @BotFather
TELEGRAM_API_URL      default https://api.telegram.org
POLL_SECONDS          between two polls that found nothing; default 30
"""

import http.client
import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request

URL = os.environ["OLM_URL"]
KEY = os.environ["OLM_SERVICE_KEY"]
TELEGRAM = os.environ.get("TELEGRAM_API_URL", "https://api.telegram.org")
TOKEN = os.environ["TELEGRAM_BOT_TOKEN"]
POLL_SECONDS = float(os.environ.get("POLL_SECONDS", "30"))

# As many rows as one poll answers at most.
FULL = 50
TIMEOUT = 10
# A row is ours for 120 seconds from when it was given out. What is not begun by now is left to
# whoever is given it next: its sending must end, and be told, before that.
HELD = 100

stopped = threading.Event()


def call(method, url, body=None, headers=None):
    """Sends JSON and answers JSON; an HTTP error is raised."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        text = answer.read()
        return json.loads(text) if text else None


def pending():
    """What is to be sent now."""
    url = f"{URL}/internal/notifications/pending"
    return call("GET", url, headers={"X-Service-Key": KEY})["notifications"]


def say(notification, result):
    """Says what became of a notification; a repeat is harmless, so it is repeated."""
    url = f"{URL}/internal/notifications/{notification['id']}"
    # Of this time, should it have been given out again meanwhile.
    result = {**result, "attempts": notification["attempts"]}
    for wait in (0.1, 1, 5, None):
        try:
            return call("PATCH", url, result, {"X-Service-Key": KEY})
        except urllib.error.HTTPError as refused:
            if refused.code < 500:
                print("refused:", refused.read().decode(), file=sys.stderr)
                return None
        except OSError as error:
            print("no answer:", error, file=sys.stderr)
        if wait is not None:
            stopped.wait(wait)
    return None


def send(notification):
    """Sends a message. None: Telegram may or may not have it."""
    message = {
        "chat_id": notification["chat_id"],
        "text": notification["message"],
        "disable_notification": notification["silent"],
    }
    try:
        answer = call("POST", f"{TELEGRAM}/bot{TOKEN}/sendMessage", message)
    except urllib.error.HTTPError as refused:
        if refused.code >= 500:
            return None
        return {"status": "failed", "reason": json.load(refused)["description"]}
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None)
        if isinstance(reason, (ConnectionRefusedError, socket.gaierror)):
            # It never got there.
            return {"status": "failed", "reason": str(reason)}
        return None
    return {"status": "sent", "telegram_message_id": answer["result"]["message_id"]}


def listen(offset):
    """Says who wrote to the bot: it may write to them, also if they had blocked it before.

    Answers which update is next; one that could not be told of comes again.
    """
    query = f"offset={offset}&timeout=0&allowed_updates=%5B%22message%22%5D"
    url = f"{TELEGRAM}/bot{TOKEN}/getUpdates?{query}"
    for update in call("GET", url)["result"]:
        chat = update.get("message", {}).get("chat", {})
        if chat.get("type") == "private":
            body = {"telegram_user_id": chat["id"]}
            call("POST", f"{URL}/internal/chats/seen", body, {"X-Service-Key": KEY})
        # Here a bot would answer /start and whatever else it is told.
        offset = update["update_id"] + 1
    return offset


def deliver(notifications, until):
    """Sends what was given out, as long as it is surely ours."""
    for notification in notifications:
        if time.monotonic() > until:
            return
        result = send(notification)
        # What nobody knows is not said: the service offers it once more by itself.
        if result is not None:
            say(notification, result)


def main():
    """Polls until it is asked to stop; what was begun is finished first."""
    offset = 0
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.is_set():
        try:
            offset = listen(offset)
        except (OSError, ValueError, http.client.HTTPException) as error:
            print("cannot hear who wrote:", error, file=sys.stderr)
        until = time.monotonic() + HELD
        try:
            notifications = pending()
        except OSError as error:
            print("cannot poll:", error, file=sys.stderr)
            notifications = []
        deliver(notifications, until)
        if len(notifications) < FULL:
            stopped.wait(POLL_SECONDS)


if __name__ == "__main__":
    main()
