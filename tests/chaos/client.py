"""One client process of the chaos runs: takes locks, counts under them, and writes it all down.

A program of its own with nothing but http.client. Its argument is a JSON object (see Client); each
line of its output is one operation: kind, resource, called, returned, answer, arguments. Times are
of the monotonic clock, which all processes of a machine share. No `returned`: no answer came.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import time
import uuid
from pathlib import Path
from typing import Any

Json = dict[str, Any]
COUNTED = ("skeleton", "power")
REGISTER = "shell"
# What is granted to somebody who waited lasts no longer until it is confirmed.
PROVISIONAL_SECONDS = 10
# What a server says that was ended in the middle of the call, or that cannot reach the database.
NOT_AN_ANSWER = ("57P", "08", "PGRST00", "PT503")
ANSWERS = ("lease_lost", "stale_version")


class NoAnswerError(Exception):
    """The patience of a call ended without an answer: it may have been done or not."""


class Client:
    """Settings: host, port, key, workspace, name, ttl (seconds), patience (seconds), seed, stop.

    It works until there is a file of the name `stop`.
    """

    def __init__(self, settings: Json) -> None:
        self.settings = settings
        self.name = settings["name"]
        self.ttl_seconds: int = settings["ttl"]
        self.dice = random.Random(settings["seed"])
        self.stop = Path(settings["stop"])
        self.connection: http.client.HTTPConnection | None = None
        self.called = 0.0

    def try_once(self, method: str, path: str, body: Json | None) -> tuple[int, Any] | None:
        """One attempt: status and JSON, None when that is no answer."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                self.settings["host"], self.settings["port"], timeout=5
            )
        headers = {
            "apikey": self.settings["key"],
            "x-workspace": self.settings["workspace"],
            "content-type": "application/json",
        }
        try:
            self.connection.request(
                method, f"/rest/v1{path}", json.dumps(body) if body else None, headers
            )
            response = self.connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            self.connection.close()
            self.connection = None
            return None
        if response.status < 400:
            return response.status, answer
        code = str(answer["code"])
        # PostgREST answers 400 with an empty code when its session ended without a word.
        if response.status >= 500 or code == "" or code.startswith(NOT_AN_ANSWER):
            return None
        return response.status, answer

    def repeat(self, method: str, path: str, body: Json | None = None) -> Any:
        """The same until it is answered; `called` is when it was sent first."""
        self.called = time.monotonic()
        until = self.called + self.settings["patience"]
        while True:
            sent = time.monotonic()
            answer = self.try_once(method, path, body)
            if answer is not None:
                if method == "GET":
                    self.called = sent
                return self.judged(path, *answer)
            if time.monotonic() > until:
                raise NoAnswerError(path)
            time.sleep(self.dice.uniform(0.01, 0.1))

    def judged(self, path: str, status: int, answer: Any) -> Any:
        """The answer of a call that succeeded, the slug of one that was refused as it may be."""
        if status == 200:
            return answer
        if answer["message"] not in ANSWERS:
            self.write_down("strange", path, f"{status} {answer}")
            raise NoAnswerError(path)
        return answer["message"]

    def call(self, function: str, **arguments: Any) -> Any:
        return self.repeat(
            "POST", f"/rpc/{function}", {"request_id": str(uuid.uuid4()), **arguments}
        )

    def read(self, subsystem: str) -> Json:
        (row,) = self.repeat("GET", f"/subsystems?name=eq.{subsystem}")
        found: Json = row
        return found

    def write_down(
        self, kind: str, resource: str, answer: Any, *arguments: Any, **more: Any
    ) -> None:
        line = {
            "kind": kind,
            "resource": resource,
            "called": self.called,
            "returned": time.monotonic(),
            "answer": answer,
            "arguments": arguments,
            "process": self.name,
            **more,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    # The work

    def work(self) -> None:
        while not self.stop.exists():
            if self.dice.random() < 0.25:
                self.compare_and_set()
                continue
            some = self.dice.choice([["skeleton"], ["skeleton"], ["power"], ["power", "skeleton"]])
            tokens = self.acquire(some)
            for subsystem in some if tokens else []:
                if self.count(subsystem, tokens[subsystem]) is not False:
                    self.use("release", subsystem, tokens[subsystem])
        self.write_down("end", "", True)

    def acquire(self, some: list[str]) -> dict[str, int]:
        """Waits until it has the locks; tokens by resource, none when the grant was missed."""
        request = {"request_id": str(uuid.uuid4())}
        since = time.monotonic()
        try:
            leases = self.call(
                "acquire_locks",
                resources=[{"resource_type": "subsystem", "resource_name": one} for one in some],
                agent_name=self.name,
                execution_id=self.name,
                ttl_seconds=self.ttl_seconds,
                wait_seconds=60,
                **request,
            )
            while not leases:
                standing = self.call("wait_for_lock", **request)
                if standing["state"] == "gone":
                    break
                leases = standing["leases"]
                if not leases:
                    # It was not granted yet when this was answered.
                    since = self.called
                    time.sleep(standing["retry_ms"] / 1000 * self.dice.uniform(0.5, 1.0))
        except NoAnswerError:
            leases = []
        tokens = {lease["resource_name"]: lease["fencing_token"] for lease in leases}
        lasts = min(self.ttl_seconds, PROVISIONAL_SECONDS)
        for one in some:
            outcome = {"returned": None} if one not in tokens else {}
            self.write_down("acquire", one, tokens.get(one), lasts, **{"called": since, **outcome})
        if tokens and set(tokens) != set(some):
            self.write_down("strange", "acquire_locks", f"{sorted(tokens)} of {some}")
            return {}
        return tokens

    def use(self, kind: str, subsystem: str, token: int) -> bool | None:
        """Renew, release or write: whether it was accepted, None when that is not known."""
        lease = {"resource_type": "subsystem", "resource_name": subsystem}
        mine = {"execution_id": self.name, "fencing_token": token}
        arguments = (token, self.ttl_seconds) if kind == "renew" else (token,)
        try:
            if kind == "renew":
                answer = self.call("renew_lock", **lease, **mine, ttl_seconds=self.ttl_seconds)
            elif kind == "release":
                answer = self.call("release_lock", **lease, **mine)
            else:
                count = self.read(subsystem)["metadata"].get("count", 0)
                # Without its version: only the token stands against a lost update.
                answer = self.call(
                    "update_subsystem_status",
                    subsystem=subsystem,
                    status={"count": count + 1},
                    **mine,
                )
        except NoAnswerError:
            self.write_down(kind, subsystem, None, *arguments, returned=None)
            return None
        accepted = bool(answer) and answer != "lease_lost"
        self.write_down(kind, subsystem, accepted, *arguments)
        return accepted

    def count(self, subsystem: str, token: int) -> bool | None:
        """Confirm, take a while, and count up by one."""
        if self.use("renew", subsystem, token) is False:
            return False
        time.sleep(self.dice.uniform(0.005, 0.03))
        return self.use("write", subsystem, token)

    def compare_and_set(self) -> None:
        """Count up without a lock, by the version alone."""
        try:
            row = self.read(REGISTER)
        except NoAnswerError:
            return
        old = [row["version"], row["metadata"].get("count", 0)]
        self.write_down("read", REGISTER, old)
        new = [old[0] + 1, self.dice.randrange(10**9)]
        try:
            answer = self.call(
                "update_subsystem_status",
                subsystem=REGISTER,
                status={"count": new[1], "version": old[0]},
                execution_id=self.name,
            )
        except NoAnswerError:
            self.write_down("compare_and_set", REGISTER, None, old, new, returned=None)
            return
        self.write_down("compare_and_set", REGISTER, answer != "stale_version", old, new)


if __name__ == "__main__":
    Client(json.loads(sys.argv[1])).work()
