"""Every error of coase: what happened, why, and what to do.

::

    CoaseError
    ├── UsageError                  the caller asked for something that cannot be
    │   ├── ConfigurationError      a file or an option is not usable
    │   ├── MissingExtra            an optional dependency is not installed
    │   ├── UnknownName             no skill, agent or study of this name
    │   └── UnknownOrder            no order of this number rests in the book
    ├── AmountError                 an amount of money is malformed, negative or too large
    ├── SignatureError              a signature is malformed or not by the one who should have signed
    ├── TermsError                  a domain, an outcome, a listing or an agreement is not well formed
    ├── ProtocolError               a move that the protocol does not allow
    │   ├── LocalProtocolError      we made it: a bug on our side
    │   └── RemoteProtocolError     the counterparty made it
    ├── RegistryRefused             the registry does not take this listing or this query
    ├── MandateRefused              the owner's mandate forbids it; `line` names the entry that was hit
    ├── DealError                   a deal cannot go on
    ├── PaymentRefused              a voucher does not pay for what was asked
    ├── SettlementError             the chain did not do what was asked
    │   ├── TransactionReverted     a contract said no; `reason` is its decoded error
    │   ├── TransactionRefused      the node did not include the transaction
    │   ├── ChainUnavailable        the node did not answer
    │   └── ChainCorrupt            a stored chain does not replay to what it recorded
    ├── ComputeError                a job
    │   ├── JobRefused              the job spec or its inputs are not acceptable
    │   ├── JobFailed               the worker ended without a result
    │   └── AuditFailed             the work does not replay to what was committed
    └── TransportError              messages
        ├── AddressInUse            an agent with this key already runs here
        └── Undeliverable           nobody is reachable at this address

Each has a `code` (stable, for programs), a message (for people) and a `hint` (what to do). Errors are defined here and
nowhere else.
"""

from __future__ import annotations

from typing import Any, ClassVar


class CoaseError(Exception):
    """Root of all errors that coase raises on purpose.

    `code` may be narrowed for one instance: a refused listing says `listing_expired` rather than `registry_refused`.
    """

    default_code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code

    def as_dict(self) -> dict[str, Any]:
        """The object that `--json` prints under `error`."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class UsageError(CoaseError):
    """The caller asked for something that cannot be."""

    default_code = "usage"


class ConfigurationError(UsageError):
    """A file or an option is not usable."""

    default_code = "configuration"


class MissingExtra(UsageError):
    """An optional dependency is not installed."""

    default_code = "missing_extra"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}'", hint=f'pip install "coase[{extra}]"')
        self.extra = extra


class UnknownName(UsageError):
    """No skill, agent or study of this name."""

    default_code = "unknown_name"


class UnknownOrder(UsageError):
    """No order of this number rests in the book: it was filled or cancelled, or never was."""

    default_code = "unknown_order"


class AmountError(CoaseError):
    """An amount of money is malformed, negative or too large."""

    default_code = "amount"


class SignatureError(CoaseError):
    """A signature is malformed or not by the one who should have signed."""

    default_code = "bad_signature"


class TermsError(CoaseError):
    """A domain, an outcome, a listing or an agreement is not well formed."""

    default_code = "terms"


class ProtocolError(CoaseError):
    """A move that the protocol does not allow."""

    default_code = "protocol"


class LocalProtocolError(ProtocolError):
    """We made a move that the protocol does not allow: a bug on our side."""

    default_code = "local_protocol"


class RemoteProtocolError(ProtocolError):
    """The counterparty made a move that the protocol does not allow."""

    default_code = "remote_protocol"


class RegistryRefused(CoaseError):
    """The registry does not take this listing or this query."""

    default_code = "registry_refused"


class MandateRefused(CoaseError):
    """The owner's mandate forbids it. `line` names the entry of the mandate that was hit."""

    default_code = "mandate"

    def __init__(self, message: str, *, line: str, hint: str = "") -> None:
        super().__init__(message, hint=hint or f"change '{line}' in the mandate", code=f"mandate_{line}")
        self.line = line


class DealError(CoaseError):
    """A deal cannot go on."""

    default_code = "deal"


class PaymentRefused(CoaseError):
    """A voucher does not pay for what was asked. The code says why; see `coase.settlement.channels.accepting`."""

    default_code = "payment_refused"


class SettlementError(CoaseError):
    """The chain did not do what was asked."""

    default_code = "settlement"


class TransactionReverted(SettlementError):
    """A contract said no. `reason` is its decoded error, for example ``Escrow_TooEarly(1700003601)``."""

    default_code = "reverted"

    def __init__(self, message: str, *, reason: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class TransactionRefused(SettlementError):
    """The node did not include the transaction: bad nonce, no funds, bad signature."""

    default_code = "refused_by_node"


class ChainUnavailable(SettlementError):
    """The node did not answer."""

    default_code = "chain_unavailable"


class ChainCorrupt(SettlementError):
    """A stored chain does not replay to what it recorded."""

    default_code = "chain_corrupt"


class ComputeError(CoaseError):
    """A job did not do what was ordered."""

    default_code = "compute"


class JobRefused(ComputeError):
    """The job spec or its inputs are not acceptable."""

    default_code = "job_refused"


class JobFailed(ComputeError):
    """The worker ended without a result."""

    default_code = "job_failed"


class AuditFailed(ComputeError):
    """The work does not replay to what was committed."""

    default_code = "audit_failed"


class TransportError(CoaseError):
    """A message could not be carried."""

    default_code = "transport"


class AddressInUse(TransportError):
    """An agent with this key already runs here."""

    default_code = "address_in_use"


class Undeliverable(TransportError):
    """Nobody is reachable at this address."""

    default_code = "undeliverable"
