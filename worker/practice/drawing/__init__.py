"""Drawing of the practice provider's images, and small PNG and MP4 files assembled from bytes.

May import Pillow and the standard library only.
"""
