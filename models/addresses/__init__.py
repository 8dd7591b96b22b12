"""Addresses of outside services, each parsed once for all processes. Imports nothing of the project."""
