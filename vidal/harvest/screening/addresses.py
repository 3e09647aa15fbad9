"""One spelling for the addresses of one clip, sound or channel, as far as its site's addresses are known."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

YOUTUBE = ("youtube.com", "music.youtube.com", "youtube-nocookie.com")


def address(url: str) -> str:
    """One spelling for the addresses of one page: `youtube:` and the id of a video of YouTube, `freesound:` and the
    number of a sound of Freesound, whether its page or its media; `peertube:` and the UUID of a video of PeerTube,
    whichever site it is watched at; else the address without scheme, `www.`, `m.`, closing slash and fragment."""
    host, path, query = _parts(url)
    known = (
        ("youtube", _youtube_video(host, path, query)),
        ("freesound", _freesound_sound(host, path)),
        ("peertube", _peertube_video(path)),
    )
    named = next((f"{site}:{id_}" for site, id_ in known if id_), None)
    return named or (f"{host}{path}?{query}" if query else f"{host}{path}")


def youtube_channel(url: str) -> str | None:
    """The channel that an address of YouTube names: its id, handle or name; None for other addresses."""
    host, path, _ = _parts(url)
    names = path.strip("/").split("/")
    if host not in YOUTUBE:
        return None
    if names[0].startswith("@"):
        return names[0]
    return names[1] if len(names) > 1 and names[0] in ("channel", "c", "user") else None


def _youtube_video(host: str, path: str, query: str) -> str | None:
    names = path.strip("/").split("/")
    if host == "youtu.be":
        return names[0] or None
    if host not in YOUTUBE:
        return None
    if path == "/watch":
        return parse_qs(query).get("v", [None])[0]
    return names[1] if len(names) > 1 and names[0] in ("shorts", "embed", "live", "v", "e", "watch") else None


def _freesound_sound(host: str, path: str) -> str | None:
    found = _SOUND.search(path) if host in ("freesound.org", "cdn.freesound.org") else None
    return found["page"] or found["media"] if found else None


def _peertube_video(path: str) -> str | None:
    """The UUID in the path of a page, which may be written short: in base 58, 22 digits."""
    found = _VIDEO.fullmatch(path)
    if not found:
        return None
    if found["uuid"]:
        return found["uuid"].lower()
    number = 0
    for digit in found["short"]:
        number = 58 * number + _BASE58.index(digit)
    return str(UUID(int=number)) if number < 2**128 else None


def _parts(url: str) -> tuple[str, str, str]:
    """Host, path and query of an address; one that cannot be read is all path."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
    except ValueError:
        return "", url, ""
    host = parts.netloc.lower().rpartition("@")[2].removesuffix(":443").removesuffix(":80")
    return host.removeprefix("www.").removeprefix("m."), unquote(parts.path).rstrip("/"), parts.query


_SOUND = re.compile(
    r"^/(?:people/[^/]+/sounds|s|apiv2/sounds)/(?P<page>\d+)(?:/|$)|/previews/\d+/(?P<media>\d+)_[^/]+$", re.ASCII
)
_BASE58 = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_VIDEO = re.compile(
    r"/(?:w|videos/watch|videos/embed)/"
    rf"(?:(?P<uuid>(?i:[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}))|(?P<short>[{_BASE58}]{{22}}))"
)
