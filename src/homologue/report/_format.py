"""Numbers and links as the page writes them."""

from __future__ import annotations

import datetime
import math
import re
from urllib.parse import quote, urlsplit

MISSING = "–"
_MINUS = "\N{MINUS SIGN}"
_THIN = "\N{NARROW NO-BREAK SPACE}"
_WORDS = (
    *("none", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)


def _none(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def decimal(value: float | None, digits: int = 2) -> str:
    """Return a number with a true minus sign and fixed decimals.

    Examples
    --------
    >>> decimal(-0.034), decimal(0.5), decimal(None), decimal(-0.001)
    ('−0.03', '0.50', '–', '0.00')
    """
    if value is None or _none(value):
        return MISSING
    text = f"{abs(value):.{digits}f}"
    return (_MINUS if value < 0 and float(text) > 0 else "") + text


def compact(value: float | None) -> str:
    """Return an effect in at most four characters, without the leading zero.

    Examples
    --------
    >>> compact(0.421), compact(-0.034), compact(1.0)
    ('.42', '−.03', '1.0')
    """
    text = decimal(value)
    if text.endswith("1.00"):
        return text[:-1]
    return text.replace("0.", ".", 1) if text.lstrip(_MINUS).startswith("0.") else text


def probability(value: float | None) -> str:
    """Return a p or q value, three decimals, never rounded to zero.

    Examples
    --------
    >>> probability(0.0004), probability(0.0123), probability(None)
    ('< .001', '.012', '–')
    """
    if value is None or _none(value):
        return MISSING
    if 0 <= value < 0.001:
        return "< .001"
    text = f"{value:.3f}"
    return text.removeprefix("0") if value < 1 and not text.startswith("1") else text


def integer(value: float | None) -> str:
    """Return a count with thin spaces between thousands.

    Examples
    --------
    >>> integer(18930).replace(chr(0x202F), "_"), integer(None)
    ('18_930', '–')
    """
    if value is None or _none(value):
        return MISSING
    return f"{round(value):,}".replace(",", _THIN)


def duration(seconds: float | None) -> str:
    """Return a duration in the two units a reader wants.

    Examples
    --------
    >>> duration(4.21), duration(312), duration(7260)
    ('4.2 s', '5 min 12 s', '2 h 1 min')
    """
    if seconds is None or _none(seconds):
        return MISSING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def moment(text: str) -> str:
    """Return an ISO 8601 moment as people write it; anything else as it is.

    Examples
    --------
    >>> moment("2031-05-04T09:12:44+00:00"), moment("2031-05-04T09:12:44"), moment("yesterday")
    ('2031-05-04 09:12 UTC', '2031-05-04 09:12', 'yesterday')
    """
    try:
        when = datetime.datetime.fromisoformat(str(text))
    except ValueError:
        return str(text)
    if when.tzinfo is None:
        return f"{when:%Y-%m-%d %H:%M}"
    return f"{when.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC"


def first_line(text: str | None) -> str:
    r"""Return the first line of a reason: what follows it is detail.

    Examples
    --------
    >>> first_line("not to be had: offline\n  ConnectionError"), first_line(None)
    ('not to be had: offline', '')
    """
    return (text or "").strip().partition("\n")[0].rstrip(" :")


def number_word(count: int) -> str:
    """Return a small count in words.

    Examples
    --------
    >>> number_word(0), number_word(3), number_word(40)
    ('none', 'three', '40')
    """
    return _WORDS[count] if 0 <= count < len(_WORDS) else str(count)


def doi_link(doi: str) -> str:
    """Return the address of a DOI, or an empty string where it is not one.

    Examples
    --------
    >>> doi_link("10.1038/nature03687"), doi_link("javascript:alert(1)")
    ('https://doi.org/10.1038/nature03687', '')
    """
    bare = re.sub(r"^(https?://(dx\.)?doi\.org/|doi:\s*)", "", doi.strip(), flags=re.IGNORECASE)
    return "https://doi.org/" + quote(bare, safe="/:;()._-") if bare.startswith("10.") else ""


def web_link(text: str) -> str:
    """Return the text if it is a web address and nothing else, otherwise an empty string.

    Examples
    --------
    >>> web_link("https://dandiarchive.org/x"), web_link("javascript:alert(1)"), web_link("pip")
    ('https://dandiarchive.org/x', '', '')
    """
    text = text.strip()
    if any(character.isspace() for character in text):
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in ("http", "https") and parts.netloc else ""


def slug(text: str) -> str:
    """Return a text as a name for an anchor.

    Examples
    --------
    >>> slug("Units are tuned!"), slug("<b>")
    ('units-are-tuned', 'b')
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "claim"
