"""Measurements behind `coase bench`: one module a bench, each yielding rows of what was measured beside a peer."""
