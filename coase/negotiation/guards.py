"""Words for what went wrong in an author's code, whatever that code is."""

from __future__ import annotations

from coase.negotiation.moves import Walk

LONGEST = 300  # characters of the reason for a failure

ACCEPTS_TOO_LITTLE = Walk("the skill would accept less than its reservation", failed=True)
PROPOSES_TOO_LITTLE = Walk("the skill would propose less than its reservation", failed=True)


def failed(what: str, error: BaseException) -> Walk:
    """Leaving the table because of an exception."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # an author's exception may fail even to describe itself
        text = ""
    return Walk(brief(f"{what} {type(error).__name__}: {text}"), failed=True)


def brief(text: str) -> str:
    """One line of at most `LONGEST` characters."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
