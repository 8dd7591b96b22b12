"""Prometheus metrics: what each process counts, the state of the installation, and how both are served.

May import: ``models``, and of the worker what names states of channels, formats of images and storage.
"""
