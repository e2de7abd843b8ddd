"""Classes of addresses that `plugins.network` judges by."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

Network = IPv4Network | IPv6Network


def networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


# Nothing that somebody has reason to reach: the machine's own link, cloud metadata, and what is no host at all.
NEVER: Final = networks(
    "0.0.0.0/8",
    "169.254.0.0/16",
    "fe80::/10",
    "fd00:ec2::254/128",
    "fd20:ce::254/128",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "192.0.0.192/32",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "ff00::/8",
    "::/128",
)
# What `is_global` calls public, in some version of Python at least, and is a way to somewhere else.
NOT_PUBLIC: Final = networks(
    "100.64.0.0/10",
    "192.0.0.0/24",
    "192.88.99.0/24",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2001::/23",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fec0::/10",
    "::/96",
    "::ffff:0:0/96",
)
PRIVATE: Final = networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
LOOPBACK: Final = networks("127.0.0.0/8", "::1/128")
