"""Network namespace with the loopback interface alone, which has addresses of the internet, too."""

import ctypes
import os
import subprocess

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of unshare(2)
PICTURE_HOST = "8.8.4.4"  #: stands for a public picture host
INTERNAL = ("169.254.169.254", "10.0.0.5", "192.168.1.1", "172.16.0.9", "100.100.100.200", "168.63.129.16")
"""Addresses of internal services: private networks and the metadata services of clouds."""


def enter_namespace() -> bool:
    """Leave the machine's network; return whether that worked (Linux, as root).

    To be called before any thread starts. All addresses above are then on the loopback interface.
    """
    try:
        if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK) != 0:
            return False
        commands = [["ip", "link", "set", "lo", "up"]]
        commands += [["ip", "addr", "add", f"{each}/32", "dev", "lo"] for each in (PICTURE_HOST, *INTERNAL)]
        for command in commands:
            subprocess.run(command, check=True, capture_output=True)
    except (OSError, AttributeError, subprocess.CalledProcessError):
        return False
    os.environ["no_proxy"] = "*"
    return True
