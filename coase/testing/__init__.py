"""Public fakes for tests of agents and skills: clock, chain, transport. None of them needs a network or sleeps."""
