"""A client of openpi's protocol with Debian's python3-websockets and python3-msgpack: keys of arrays as bytes.

usage: python3 openpi.py ws://HOST:PORT
"""
import asyncio
import sys

import msgpack
import numpy as np
import websockets

from observation import PICTURE, PROMPT, STATE, show


def array(value):
    return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": list(value.shape)}


def read(value):
    return np.frombuffer(value[b"data"], dtype=value[b"dtype"]).reshape(value[b"shape"])


async def main(address):
    async with websockets.connect(address, compression=None, max_size=None) as socket:
        metadata = msgpack.unpackb(await socket.recv())
        assert isinstance(metadata, dict), metadata
        request = {"observation/image": array(PICTURE), "observation/state": array(STATE), "prompt": PROMPT}
        await socket.send(msgpack.packb(request))
        answer = await socket.recv()
        assert isinstance(answer, bytes), answer
        message = msgpack.unpackb(answer, strict_map_key=False)
        assert list(message) == ["actions", "policy_timing", "server_timing"], list(message)
        show(read(message["actions"]))


asyncio.run(main(sys.argv[1]))
