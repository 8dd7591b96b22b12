"""One file format per module: each reads the size and checks that the file is complete, without decoding.

May import the standard library and ``formats.errors`` only.
"""
