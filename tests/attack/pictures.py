"""Picture bombs, in answers of a provider and in requests, and small requests that need much memory."""

import base64
import random
import struct
import zlib
from collections.abc import Iterator

from tests.attack.provider import image_answer
from tests.attack.result import Result
from tests.attack.target import Target
from worker.practice.drawing.png import IEND, SIGNATURE, chunk, header

_JPEG_FRAME = b"\xff\xc0\x00\x11\x08\x00\x40\x00\x40\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00"
_LONGEST = 60.0  # seconds until a job with a bomb must have ended


def solid_png(width: int, height: int) -> bytes:
    """Return a PNG of one colour: few bytes, many pixels."""
    packer = zlib.compressobj(9)
    row = b"\0" + b"\x40\x80\xc0" * width
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return SIGNATURE + header(width, height) + chunk(b"IDAT", data) + IEND


def noise_png(size: int, seed: int) -> bytes:
    """Return a PNG of about so many bytes that nothing compresses."""
    side = int((size / 3) ** 0.5)
    draw = random.Random(seed)
    rows = b"".join(b"\0" + draw.randbytes(side * 3) for _ in range(side))
    return SIGNATURE + header(side, side) + chunk(b"IDAT", zlib.compress(rows, 0)) + IEND


def bombs(size: int, megapixels: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield name, kind and bytes of images of at most so many bytes or pixels."""
    small, large = header(8, 8), header(13_000, 13_000)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" + b"\0" * 24))
    yield "PNG of two headers", "png", SIGNATURE + small + large + pixels + IEND
    yield "PNG of 30,000²", "png", SIGNATURE + header(30_000, 30_000) + pixels + IEND
    yield "PNG of 2³¹ pixels a side", "png", SIGNATURE + header(2**31 - 1, 2**31 - 1) + pixels + IEND
    yield f"PNG of {megapixels} megapixels", "png", solid_png(6400, megapixels * 10**6 // 6400)
    yield "PNG of empty chunks", "png", SIGNATURE + small + chunk(b"tEXt", b"") * (size // 12) + pixels + IEND
    yield (
        "PNG of a text bomb",
        "png",
        (SIGNATURE + small + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(size * 3))) + pixels + IEND),
    )
    yield "PNG without an end", "png", SIGNATURE + small + pixels
    yield "PNG whose chunk is 4 GB", "png", SIGNATURE + small + b"\xff\xff\xff\xffIDAT" + bytes(100)
    yield "JPEG of tiny segments", "jpeg", b"\xff\xd8" + b"\xff\xe1\x00\x02" * (size // 4) + b"\xff\xd9"
    yield "JPEG of fill bytes", "jpeg", b"\xff\xd8" + b"\xff" * size + b"\xd9"
    yield "JPEG of two frames", "jpeg", b"\xff\xd8" + _JPEG_FRAME * 1000 + b"\xff\xd9"
    yield (
        "JPEG of 65,535²",
        "jpeg",
        (b"\xff\xd8" + _JPEG_FRAME.replace(b"\x00\x40\x00\x40", b"\xff\xff\xff\xff") + b"\xff\xd9"),
    )
    empty = b"ICMT" + struct.pack("<I", 0)
    inside = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\xff\xff\xff" * 2
    inside += empty * (size // 8)
    yield "WebP of empty chunks", "webp", b"RIFF" + struct.pack("<I", len(inside)) + inside
    yield "WebP of 16,384²", "webp", b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0" * 2
    yield (
        "GIF of empty frames",
        "gif",
        (b"GIF89a\xff\xff\xff\xff\0\0\0" + b",\0\0\0\0\xff\xff\xff\xff\0\x02\0" * (size // 12) + b";"),
    )


def attack_images(target: Target, *, size: int, megapixels: int) -> Result:
    """Let the provider answer with each bomb, and send each as an input image."""
    breaches, inputs = [], 0
    with target.client(target.alice, timeout=120) as client:
        for name, kind, data in bombs(size, megapixels):
            target.provider.answers[name] = image_answer(data, kind)
            inputs += 2
            job = target.submit(client, name).json()["id"]
            url = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
            status = target.submit(client, f"edit {name}", images=[url]).status_code
            if status >= 500:
                breaches.append(f"{name} as an input image: {status}")
            try:
                target.settled(client, job, within=_LONGEST)
            except AssertionError:
                breaches.append(f"{name}: its job has not ended after {_LONGEST:g} s")
    return Result("picture bombs", inputs, breaches)


def attack_memory(target: Target, *, size: int, jobs: int, seed: int) -> Result:
    """Name one large asset sixteen times in a small request; ask for masked edits of many pixels."""
    breaches, inputs, waiting = [], 0, []
    target.provider.answers["large"] = image_answer(noise_png(size, seed))
    with target.client(target.alice, timeout=120) as client:
        done = target.settled(client, target.submit(client, "large").json()["id"])
        if not done["assets"]:
            return Result("memory: one asset ×16, masked edits", 1, [f"no large asset: {done['status']}"])
        asset = done["assets"][0]["id"]
        pixels = f"data:image/png;base64,{base64.b64encode(solid_png(6400, 6250)).decode()}"
        for number in range(jobs):
            requests = ({"images": [asset] * 16}, {"images": [pixels], "mask": pixels, "size": "1024x1024"})
            for members in requests:
                inputs += 1
                response = target.submit(client, f"large {number}", **members)
                if response.status_code >= 500:
                    breaches.append(f"submit: {response.status_code}")
                elif response.status_code < 300:
                    waiting.append(response.json()["id"])
        for job in waiting:
            try:
                target.settled(client, job, within=_LONGEST * 2)
            except AssertionError:
                breaches.append(f"a job has not ended after {_LONGEST * 2:g} s")
                client.post(f"/v1/jobs/{job}/cancel")
    return Result("memory: one asset ×16, masked edits", inputs, breaches)
