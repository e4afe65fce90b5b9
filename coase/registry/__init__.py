"""Signed listings: published, searched, expired."""
