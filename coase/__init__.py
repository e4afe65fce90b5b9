"""Autonomous economic agents that negotiate, trade and settle models, data and GPU time."""

from coase._version import __version__ as __version__
