"""Stands for the module of Python 3.14 where Python is older: no object here is compressed by it."""


class ZstdError(Exception):
    """What the runner expects of data that is not what it should be."""


def decompress(data: bytes) -> bytes:
    raise ZstdError("this module decompresses nothing")
