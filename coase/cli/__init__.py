"""The `coase` command."""
