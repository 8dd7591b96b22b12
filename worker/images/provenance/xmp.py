"""XMP packet that declares an image as generated (IPTC digital source type; ISO 16684-1)."""

import re
from datetime import datetime
from xml.sax.saxutils import quoteattr

from models.clock import rfc3339

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
SOURCE_TYPE = b"DigitalSourceType"
_LONGEST = 256  #: characters of a value, so that a packet fits into one JPEG segment
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def make_packet(*, model: str, created_at: datetime, job: str) -> bytes:
    """Return the packet of an image that ``model`` made in ``job``; never with the prompt."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about=""'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"'
        f" Iptc4xmpExt:DigitalSourceType={_quoted(TRAINED)}"
        f" xmp:CreatorTool={_quoted(model)}"
        f" xmp:CreateDate={_quoted(rfc3339(created_at))}"
        f" xmpMM:DocumentID={_quoted(job)}/>"
        '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def _quoted(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("", text)[:_LONGEST])
