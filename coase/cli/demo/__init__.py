"""`coase demo`: a whole market in one process, from discovery to settlement, on real work."""

from coase.cli.demo.command import demo as demo
