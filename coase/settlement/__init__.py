"""The chain: backends, the transaction outbox, the escrow, compiled contracts."""
