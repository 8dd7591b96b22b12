"""Secrets of an installation: how strong they must be, and encryption at rest. Imports ``models`` only."""
