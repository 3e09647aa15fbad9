"""Licences as sites state them (addresses, labels, codes) in one spelling: SPDX identifiers where there is one."""

from __future__ import annotations

import re
from collections.abc import Container
from functools import lru_cache

from vidal.text.words import fold

OTHER = "LicenseRef-"
CHARACTERS = 200
"""Longest statement read; licences are named in fewer."""


@lru_cache(maxsize=4096)
def normalise(stated: str | None) -> str | None:
    """The licence a site states: `CC-BY-SA-4.0`, `CC-BY` where no version is said, `CC0-1.0`, `CC-PDM-1.0`, or
    `LicenseRef-` and what was said; None where nothing was. A licence ported to a jurisdiction counts as its version.

    Normalising twice is normalising once.
    """
    plain = fold((stated or "")[:CHARACTERS]).strip()
    name = _SEPARATORS.sub("-", plain.removeprefix(OTHER.lower())).strip("-")[: CHARACTERS - len(OTHER)].strip("-")
    if name in _UNSTATED:
        return None
    return _by_address(plain) or _by_words(plain) or f"{OTHER}{name}"


def allowed(licence: str, allow: Container[str]) -> bool:
    """Whether a normalised licence is on a list of normalised ones; `CC-BY` on the list stands for its versions."""
    return licence in allow or (licence.startswith("CC-BY") and _VERSION.sub("", licence) in allow)


def _by_address(plain: str) -> str | None:
    """The licence whose address stands in a statement, if it is one alone."""
    found = {_at(address) for address in _ADDRESS.finditer(plain)}
    return found.pop() if len(found) == 1 else None


def _at(address: re.Match[str]) -> str | None:
    if address["public"]:
        return {"zero": "CC0-1.0", "mark": "CC-PDM-1.0"}[address["public"]]
    return _creative_commons(set(address["parts"].split("-")), address["version"])


def _by_words(plain: str) -> str | None:
    """A label or a code, if it says nothing but one of these licences."""
    if plain.startswith(OTHER.lower()):
        return None
    plain = _PORTED.sub("", plain)
    for spoken, code in _SPOKEN:
        plain = spoken.sub(f" {code} ", plain)
    said = [word for word in _WORD.findall(plain) if word not in _NOISE]
    versions = [word.removeprefix("v") for word in said if _NUMBER.fullmatch(word)]
    parts = {word for word in said if not _NUMBER.fullmatch(word)}
    if len(versions) > 1:
        return None
    if parts in ({"cc0"}, {"pdm"}) and versions in ([], ["1.0"]):
        return "CC0-1.0" if parts == {"cc0"} else "CC-PDM-1.0"
    return _creative_commons(parts, versions[0] if versions else None)


def _creative_commons(parts: set[str], version: str | None) -> str | None:
    if "by" not in parts or parts - {"by", "nc", "nd", "sa"} or {"nd", "sa"} <= parts:
        return None
    code = "-".join(part.upper() for part in ("by", "nc", "nd", "sa") if part in parts)
    if not version:
        return f"CC-{code}"
    return f"CC-{code}-{version}" if "." in version else f"CC-{code}-{version}.0"


_ADDRESS = re.compile(
    r"(?<![\w.-])(?:www\.)?creativecommons\.org/(?:licenses/(?P<parts>[a-z-]+)(?:/(?P<version>\d\.\d))?(?![a-z0-9+.])"
    r"|publicdomain/(?P<public>zero|mark)(?![a-z]))"
)
_PORTED = re.compile(r"(?<=\d\.\d)[\W_]+(?!by|nc|nd|sa)(?:[a-z]{2}|igo)[\W_]*$")
"""The jurisdiction at the end of a code: two letters, or those of the intergovernmental organisations."""
_SPOKEN = (
    (re.compile(r"\b(?:cc[\W_]*zero|creative[\W_]*commons[\W_]*(?:0|zero)|cc[\W_]+0|public[\W_]*domain[\W_]*dedication)\b"
                r"(?!\.)"), "cc0"),
    (re.compile(r"\bpublic[\W_]*domain[\W_]*mark\b"), "pdm"),
    (re.compile(r"\bnon[\W_]*commercial\b"), "nc"),
    (re.compile(r"\bno[\W_]*deriv(?:ative)?(?:work)?s?\b"), "nd"),
    (re.compile(r"\bshare[\W_]*alike\b"), "sa"),
    (re.compile(r"\battribution\b"), "by"),
)  # fmt: skip
_WORD = re.compile(r"v?\d+(?:\.\d+)*|[^\W_]+")
_NUMBER = re.compile(r"v?\d+(?:\.\d+)*")
_VERSION = re.compile(r"-\d\.\d$")
_NOISE = frozenset((
    "creative", "commons", "cc", "license", "licence", "licensed", "under", "a", "an", "the", "reuse", "allowed",
    "international", "unported", "generic", "universal", "version", "deed",
))  # fmt: skip
_SEPARATORS = re.compile(r"[\W_]+")
_UNSTATED = frozenset(
    {"", "unknown", "none", "null", "n-a", "not-specified", "unspecified", "no-licence", "no-license"}
)
