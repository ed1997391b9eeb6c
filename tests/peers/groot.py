"""A client of GR00T's protocol with Debian's python3-zmq and python3-msgpack.

usage: python3 groot.py tcp://HOST:PORT
"""
import io
import sys

import msgpack
import numpy as np
import zmq

from observation import PICTURE, PROMPT, STATE, show


def pack(value):
    if isinstance(value, np.ndarray):
        out = io.BytesIO()
        np.save(out, value, allow_pickle=False)
        return {"__ndarray_class__": True, "as_npy": out.getvalue()}
    raise TypeError(value)


def read(value):
    return np.load(io.BytesIO(value["as_npy"]), allow_pickle=False)


socket = zmq.Context.instance().socket(zmq.REQ)
socket.setsockopt(zmq.RCVTIMEO, 60000)
socket.setsockopt(zmq.LINGER, 0)
socket.connect(sys.argv[1].rstrip("/"))


def call(request):
    socket.send(msgpack.packb(request, default=pack))
    return msgpack.unpackb(socket.recv())


assert call({"endpoint": "ping"})["status"] == "ok"
data = {"video.top": PICTURE[None], "state.state": STATE[None], "annotation.human.action.task_description": [PROMPT]}
actions = call({"endpoint": "get_action", "data": data})
assert "error" not in actions, actions
show(np.concatenate([read(a) for a in actions.values()], axis=1))
