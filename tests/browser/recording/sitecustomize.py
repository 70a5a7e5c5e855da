"""Put on the path of a server, it writes every address outside this machine that the server reaches for to a file."""

import os
import sys

RECORD = os.open(os.environ["RECORD_ADDRESSES"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
REACHING = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0}
"""Events that Python reports, and which of their arguments is the address."""
HERE = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "")


def note(event, arguments):
    """Called for every event of the process."""
    if event in REACHING:
        address = arguments[REACHING[event]]
        host = address[0] if isinstance(address, tuple) else address
        host = host.decode() if isinstance(host, bytes) else host
        if host not in HERE and host is not None and not host.startswith("/"):
            os.write(RECORD, f"{event} {address}\n".encode())


sys.addaudithook(note)
