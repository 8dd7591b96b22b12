"""upload-discord-images: images become URLs."""

from tests.api.midjourney.actions_support import picture
from tests.api.midjourney.stack import MidjourneyStack

RED, BLUE = picture(colour="red"), picture(colour="blue")


async def test_uploaded_pictures_have_addresses_that_need_no_key(each_stack: MidjourneyStack) -> None:
    link = "https://pictures.example/a.png"
    envelope = await each_stack.submit("upload-discord-images", base64Array=[RED, link])
    first, second = envelope["result"]
    assert (envelope["code"], second) == (1, link)
    assert (await each_stack.service.client.get(first)).headers["content-type"] == "image/png"
