"""One TLS handshake and one CONNECT: prints "in", or "out:" and why.

tls_probe.py PORT HOST 1.2|1.3 CA [CERTIFICATE KEY]
"""
import socket
import ssl
import sys

port, host, version, ca, *own = sys.argv[1:]
wanted = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.minimum_version = context.maximum_version = wanted
context.load_verify_locations(ca)
if own:
    context.load_cert_chain(own[0], own[1])
CONNECT = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05probe"
try:
    with socket.create_connection(("127.0.0.1", int(port))) as plain:
        with context.wrap_socket(plain, server_hostname=host) as stream:
            stream.sendall(CONNECT)
            # In TLS 1.3 the broker's judgement comes after the client's part is done.
            answer = stream.recv(4)
            print("in" if answer[:1] == b"\x20" else f"out: no CONNACK {answer!r}")
except OSError as error:
    print("out:", error)
