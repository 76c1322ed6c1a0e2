#!/usr/bin/env python3
"""A bot in another language: asks what is to be sent, sends it, says what became of it.

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
import urllib.error
import urllib.request

URL = os.environ["OLM_URL"]
KEY = os.environ["OLM_SERVICE_KEY"]
TELEGRAM = os.environ.get("TELEGRAM_API_URL", "https://api.telegram.org")
TOKEN = os.environ["TELEGRAM_BOT_TOKEN"]
POLL_SECONDS = float(os.environ.get("POLL_SECONDS", "30"))

# As many rows as one poll answers at most.
FULL = 50
# Well below the 120 seconds that a row is ours, so that a poll of 50 rows is sent in time.
TIMEOUT = 10

stopped = threading.Event()


def call(method, url, body=None, headers=None):
    """Sends JSON and answers JSON; an HTTP error is raised."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        return json.load(answer)


def pending():
    """What is to be sent now."""
    url = f"{URL}/internal/notifications/pending"
    return call("GET", url, headers={"X-Service-Key": KEY})["notifications"]


def say(notification, result):
    """Says what became of a notification; a repeat is harmless, so it is repeated."""
    url = f"{URL}/internal/notifications/{notification['id']}"
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


def main():
    """Polls until it is asked to stop; what was begun is finished first."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.is_set():
        try:
            notifications = pending()
        except OSError as error:
            print("cannot poll:", error, file=sys.stderr)
            notifications = []
        for notification in notifications:
            result = send(notification)
            # What nobody knows is not said: the service offers it once more by itself.
            if result is not None:
                say(notification, result)
        if len(notifications) < FULL:
            stopped.wait(POLL_SECONDS)


if __name__ == "__main__":
    main()
