"""What every client in Python sends: a picture that is made by a rule, a state, an instruction."""
import numpy as np

y, x, c = np.meshgrid(np.arange(64), np.arange(64), np.arange(3), indexing="ij")
PICTURE = ((31 * y + 17 * x + 101 * c + 7 * y * x + 13) % 256).astype(np.uint8)
STATE = np.array([0.25, 0.5, 0.125, 1.0])
PROMPT = "push the red block"


def show(chunk):
    """Every number, bit for bit, a line each."""
    for bits in np.ascontiguousarray(chunk, dtype="<f8").view("<u8").ravel():
        print(f"{int(bits):016x}")
