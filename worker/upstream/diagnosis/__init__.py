"""Explain a captured answer: validate it, classify it as the call would be, describe the result. No I/O.

Used by ``darkroom explain``, ``POST /v1/explain`` and the reparsing of archived answers. May import
``models`` and, of ``worker.upstream``, ``errors``, ``parsing`` and the modules at its root.
"""
