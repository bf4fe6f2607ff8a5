"""The version of this package and of the protocol that it speaks with psserver and the sidecar."""

__version__ = "0.1.0"

PROTOCOL = 1
"""Both ends of every wire name this number; differing ones part with an error that names both builds."""
