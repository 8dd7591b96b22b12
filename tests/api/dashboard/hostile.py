"""Texts that would do harm if a page showed them as anything but text."""

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'onmouseover='alert(1)",
    "{{ 7 * 7 }}${7*7}",
    "</title><svg onload=alert(1)>",
    "javascript:alert(1)",
    "&lt;script&gt;&#x3c;b>",
    "\u202egnp.exe\u0007",
)
