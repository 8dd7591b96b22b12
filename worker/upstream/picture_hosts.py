"""Hosts that deliver nothing but generated files: a bare address on one of them needs no extension."""

from urllib.parse import urlsplit

#: host (or its parent domain) and how a file's path begins there
_HOSTS = {
    "filesystem.site": "/cdn/",
    "filesystem.i666.fun": "/",
    "google.datas.systems": "/",
    "googlecdn2.datas.systems": "/",
    "cdn.i666.fun": "/",
    "googlecdn2.i666.fun": "/",
    "cn-nb1.rains3.com": "/",
    "midjourney-plus.oss-us-west-1.aliyuncs.com": "/",
    "delivery-eu1.bfl.ai": "/",
    "delivery-us1.bfl.ai": "/",
    "imgen.x.ai": "/",
    "assets.grok.com": "/",
    "oaidalleapiprodscus.blob.core.windows.net": "/",
    "files.oaiusercontent.com": "/",
    "byteimg.com": "/",
}
_PREFIXES = ("ark-content-generation", "dashscope-result")  #: buckets whose names go on with a region


def is_on_picture_host(url: str) -> bool:
    """Tell whether the address is a file on a host that is known to deliver generated pictures."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return False
    if host.startswith(_PREFIXES) and host.endswith((".volces.com", ".bytepluses.com", ".aliyuncs.com")):
        return len(parts.path) > 1
    labels = host.split(".")
    for start in range(len(labels) - 1):
        beginning = _HOSTS.get(".".join(labels[start:]))
        if beginning:
            return parts.path.startswith(beginning) and len(parts.path) > len(beginning)
    return False
