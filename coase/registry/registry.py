"""A registry takes signed listings and answers queries. It believes nothing that the agent it names has not signed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from coase.errors import RegistryRefused, SignatureError, TermsError
from coase.registry.query import parse
from coase.registry.store import SqliteStorage, Storage
from coase.terms.listing import MAX_BYTES, MAX_SECONDS, Listing, Signed, Withdrawal

S = TypeVar("S", bound=Signed)

MAX_PER_AGENT = 64
MAX_RESULTS = 1000
MAX_OFFSET = 10**6
EARLY_SECONDS = 60  # clocks may differ by so much


class Registry:
    """Listings, checked when they come in and found until they expire.

    A slot outlives its listing by `MAX_SECONDS`, so that no older listing of the slot can come back; then it is free.

    Args:
        storage: a path, a `Storage`, or None for memory only.
        now: the time that expiry is compared with, seconds; on a market it is the chain's.

    Raises:
        ConfigurationError: `registry_unusable`, from any method, when the database cannot be read or written.
    """

    def __init__(self, storage: Path | Storage | None, now: Callable[[], int]) -> None:
        self._storage = SqliteStorage(storage) if storage is None or isinstance(storage, Path) else storage
        self._now = now

    def publish(self, listing: Listing | bytes | str) -> Listing:
        """Take a listing. Publishing the current one again does nothing.

        Raises:
            RegistryRefused: `listing_malformed`, `listing_too_large`, `listing_tampered`, `listing_expired`,
                `listing_early`, `listing_replayed` or `listing_too_many`.
        """
        checked = self._checked(listing)
        slot = self._storage.current(checked.agent, checked.key)
        if slot is None:
            self._storage.forget(self._now() - MAX_SECONDS)
            if self._storage.count(checked.agent) >= MAX_PER_AGENT:
                raise RegistryRefused(
                    f"an agent has at most {MAX_PER_AGENT} listings",
                    hint="publish under a key you have used",
                    code="listing_too_many",
                )
        elif slot.listing.digest == checked.digest and not slot.withdrawn:
            return checked
        self._storage.put(checked)
        return checked

    def withdraw(self, withdrawal: Withdrawal | bytes | str) -> None:
        """Take a slot off the market. Doing it again does nothing.

        The wish is signed like everything else: an offer that was intercepted cannot be passed off as one.

        Raises:
            RegistryRefused: as for `publish`, or `listing_unknown` when the slot was never used.
        """
        checked = _verified(Withdrawal, withdrawal)
        slot = self._storage.current(checked.agent, checked.key)
        if slot is None:
            raise RegistryRefused(
                f"there is no listing {checked.key!r} of {checked.agent}", hint="check the key", code="listing_unknown"
            )
        if slot.withdrawn != checked.sequence:
            self._storage.withdraw(checked)

    def search(self, query: str = "", *, limit: int = 20, offset: int = 0) -> list[Listing]:
        """Listings that match and have not expired, cheapest first, then by agent and key.

        Raises:
            RegistryRefused: `query_malformed`; see `coase.registry.query` for what may be asked.
        """
        if not 0 < limit <= MAX_RESULTS or not 0 <= offset <= MAX_OFFSET:
            raise RegistryRefused(
                f"limit {limit} or offset {offset} is out of range",
                hint=f"limit is 1 to {MAX_RESULTS}, offset 0 to {MAX_OFFSET}",
                code="query_malformed",
            )
        return self._storage.search(parse(query), self._now(), limit, offset)

    def get(self, agent: str, key: str) -> Listing | None:
        """The listing in a slot, unless it has expired or was withdrawn."""
        if not (agent.isascii() and key.isascii()):
            return None
        found = self._storage.current(agent, key)
        return found.listing if found and not found.withdrawn and found.listing.expires > self._now() else None

    def close(self) -> None:
        """Let go of the database."""
        self._storage.close()

    def _checked(self, given: Listing | bytes | str) -> Listing:
        """Size, form, signature and times."""
        listing = _verified(Listing, given)
        now = self._now()
        if listing.expires <= now:
            raise RegistryRefused(
                f"it expired at {listing.expires}, and it is {now}",
                hint="sign it again with a higher sequence and a later expiry",
                code="listing_expired",
            )
        if listing.issued > now + EARLY_SECONDS:
            raise RegistryRefused(
                f"it was issued at {listing.issued}, and it is {now}", hint="use chain time", code="listing_early"
            )
        return listing


def _verified(kind: type[S], given: S | bytes | str) -> S:
    """Size, form and signature. An object is read again from its text: it may have been made without checks."""
    try:
        signed = kind.parse(given.text if isinstance(given, Signed) else given)
        signed.verify()
    except TermsError as error:
        raise RegistryRefused(
            error.message, hint=f"see coase.Listing; at most {MAX_BYTES} bytes of JSON", code=error.code
        ) from error
    except SignatureError as error:
        raise RegistryRefused(
            f"not signed as it stands: {error.message}", hint="sign it again", code="listing_tampered"
        ) from error
    return signed
