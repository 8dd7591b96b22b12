"""Image bytes: type, size and integrity checks, decoding, base64, canvases and masks, limits of one image.

May import ``models`` only: images come from downloads, providers and callers alike.
"""
