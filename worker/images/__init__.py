"""Image bytes: type, size and integrity checks, base64, canvases and masks, and the limits of one image.

May import ``models`` only: images come from downloads, providers and callers alike.
"""
