"""Tournaments: all ordered pairs of skills over packs of scenarios, resumable, bad skills kept at arm's length."""
