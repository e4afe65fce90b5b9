"""Mechanisms as pure transition tables, the `Negotiator` ladder, utilities, and the loop that plays them."""
