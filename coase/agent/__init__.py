"""The runtime of a trading agent: transport, deals, journal, mandate, marketplace."""
