"""What every bargaining skill must keep to, tried out: `coase check` and `check`."""
