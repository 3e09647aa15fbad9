"""An endpoint that fails as endpoints do, by a hash of what it is asked and how often, and counts what it answers."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

from tests.caption.build import Refining
from tests.caption.endpoint import Answer, Endpoint, completion, error

FAULTS = {"haste": 0.20, "trouble": 0.05, "malformed": 0.02, "hangs": 0.01}
"""Shares of the requests that are refused for haste, fail, are answered with a text that is no JSON, and are never
answered."""
PRICE = {"input": 1.0, "output": 2.0}


class Faulty(Endpoint):
    """`pause` are the headers of a refusal for haste. `paid` counts the completions by the question they answer,
    `spent` the tokens of them all, `asked` all requests by their question, `met` their fates."""

    def __init__(self, pause: Mapping[str, str]) -> None:
        super().__init__()
        self.pause, self.last = pause, self.answered
        self.asked: Counter[str] = Counter()
        self.paid: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        self.spent = (0, 0)

    def answered(self, body: dict[str, Any]) -> Answer:
        question = json.dumps(body["messages"])
        title = json.loads(body["messages"][1]["content"])["title"]
        tokens = (len(question) // 5, 3 + len(title))
        with self.lock:
            self.asked[question] += 1
            fate = fate_of(f"{title} {len(body['messages'])} {self.asked[question]}")
            self.met[fate] += 1
            if fate in ("malformed", "good"):
                self.paid[question] += 1
                self.spent = (self.spent[0] + tokens[0], self.spent[1] + tokens[1])
        usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
        views = {"polish_mplug": f"In the video, a clip of {title}.", "sound_mplug": f"The sound of {title}."}
        match fate:
            case "haste":
                return error(429, "slow down", **self.pause)
            case "trouble":
                return error(500)
            case "hangs":
                return Answer(-1)
            case "malformed":
                return completion("{no JSON", usage=usage)
        return completion(views, usage=usage)


def fate_of(request: str) -> str:
    """What becomes of a request, by a hash of it."""
    drawn = int.from_bytes(hashlib.sha256(request.encode()).digest()[:6], "big") / 2**48
    for fate, bound in zip(FAULTS, accumulate(FAULTS.values()), strict=True):
        if drawn < bound:
            return fate
    return "good"


def titles(samples: int) -> dict[str, str]:
    return {f"s{number:05d}": f"apple {number}" for number in range(samples)}


def refining(folder: Path, url: str, samples: int) -> Refining:
    return Refining(folder, url, titles(samples), part_size=256)


if __name__ == "__main__":
    folder, url, samples, changes = sys.argv[1:]
    refining(Path(folder), url, int(samples)).run(workers=1, **json.loads(changes))
