"""A registry takes signed listings and answers queries. Nothing is believed that was not signed by the agent it names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from coase.errors import RegistryRefused, SignatureError, TermsError
from coase.registry.query import parse
from coase.registry.store import SqliteStorage, Storage
from coase.terms.listing import MAX_BYTES, Listing

MAX_PER_AGENT = 64
MAX_RESULTS = 1000
EARLY_SECONDS = 60  # clocks may differ by so much


class Registry:
    """Listings, checked when they come in and found until they expire.

    Args:
        storage: a path, a `Storage`, or None for memory only.
        now: the time that expiry is compared with, seconds; on a market it is the chain's.
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
        found = self._storage.current(checked.agent, checked.key)
        if found is not None:
            current, withdrawn = found
            if current == checked and not withdrawn:
                return checked
            if checked.sequence <= current.sequence:
                raise RegistryRefused(
                    f"sequence {checked.sequence} is not above {current.sequence}: an old listing is not brought back",
                    hint="sign it again with a higher sequence",
                    code="listing_replayed",
                )
        elif self._storage.count(checked.agent) >= MAX_PER_AGENT:
            raise RegistryRefused(
                f"an agent has at most {MAX_PER_AGENT} listings", hint="reuse a key", code="listing_too_many"
            )
        self._storage.put(checked)
        return checked

    def withdraw(self, listing: Listing | bytes | str) -> None:
        """Take a slot off the market. The request is a listing of that slot with a higher sequence, signed as always.

        Raises:
            RegistryRefused: as for `publish`.
        """
        checked = self._checked(listing)
        found = self._storage.current(checked.agent, checked.key)
        if found is None or checked.sequence <= found[0].sequence:
            raise RegistryRefused(
                "there is nothing older in this slot", hint="sign it with a higher sequence", code="listing_replayed"
            )
        self._storage.put(checked, withdrawn=True)

    def search(self, query: str = "", *, limit: int = 20, offset: int = 0) -> list[Listing]:
        """Listings that match and have not expired, cheapest first. `RegistryRefused` with `query_malformed`."""
        if not 0 < limit <= MAX_RESULTS or not 0 <= offset <= 10**6:
            raise RegistryRefused(f"limit is 1 to {MAX_RESULTS}, offset 0 to a million", code="query_malformed")
        return self._storage.search(parse(query), self._now(), limit, offset)

    def get(self, agent: str, key: str) -> Listing | None:
        """The listing in a slot, unless it has expired or was withdrawn."""
        found = self._storage.current(agent, key)
        return found[0] if found and not found[1] and found[0].expires > self._now() else None

    def close(self) -> None:
        """Let go of the database."""
        self._storage.close()

    def _checked(self, given: Listing | bytes | str) -> Listing:
        """Size, form, signature and times. A `Listing` object is read again: it may have been made without checks."""
        try:
            text = given.model_dump_json() if isinstance(given, Listing) else given
            listing = Listing.parse(text)
            listing.verify()
        except TermsError as error:
            raise RegistryRefused(error.message, hint=f"at most {MAX_BYTES} bytes of JSON", code=error.code) from error
        except SignatureError as error:
            raise RegistryRefused(
                f"not signed as it stands: {error.message}", hint="sign it again", code="listing_tampered"
            ) from error
        now = self._now()
        if listing.expires <= now:
            raise RegistryRefused(f"expired at {listing.expires}, and it is {now}", code="listing_expired")
        if listing.issued > now + EARLY_SECONDS:
            raise RegistryRefused(f"issued at {listing.issued}, and it is {now}", code="listing_early")
        return listing
