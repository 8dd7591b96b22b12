import io
import random

from PIL import Image

from worker.practice.drawing.render import encode_png


def test_a_picture_comes_back_pixel_by_pixel() -> None:
    for size in ((1, 1), (7, 3), (64, 65)):
        picture = Image.frombytes("RGB", size, random.Random(1).randbytes(size[0] * size[1] * 3))
        assert Image.open(io.BytesIO(encode_png(picture))).tobytes() == picture.tobytes()
