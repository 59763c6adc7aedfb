"""gmqtt, driven line by line: a JSON order a line comes in, a JSON event a line goes out.

Orders: connect, subscribe, unsubscribe, publish, disconnect. Events: connected, refused, subscribed, unsubscribed,
published, message. `support/peer.rs` writes and reads them.
"""

import asyncio
import json
import os
import ssl
import sys

import gmqtt
from gmqtt.storage import PersistentStorage

NAMES = {
    "content_type": "content_type",
    "response_topic": "response_topic",
    "correlation": "correlation_data",
    "expiry": "message_expiry_interval",
    "user": "user_property",
}


def say(**event):
    print(json.dumps(event), flush=True)


def to_library(told):
    """The properties of an order, by the names and types of the library."""
    properties = {NAMES[name]: value for name, value in told.items()}
    if "correlation_data" in properties:
        properties["correlation_data"] = bytes.fromhex(properties["correlation_data"])
    if "user_property" in properties:
        properties["user_property"] = [tuple(pair) for pair in properties["user_property"]]
    return properties


def from_library(seen):
    told = {}
    for name, theirs in NAMES.items():
        if theirs not in seen:
            continue
        values = seen[theirs]
        if name == "user":
            told[name] = [list(pair) for pair in values]
        elif name == "correlation":
            told[name] = bytes(values[0]).hex()
        else:
            told[name] = values[0]
    return told


class Peer:
    def __init__(self):
        self.client = None
        self.unacknowledged = PersistentStorage()
        self.ending = False

    def on_connect(self, client, session_present, result, properties):
        say(event="connected", session_present=bool(session_present))

    def on_subscribe(self, client, mid, granted, properties):
        say(event="subscribed", granted=granted[0])

    def on_unsubscribe(self, client, mid, reasons):
        say(event="unsubscribed")

    async def on_message(self, client, topic, payload, qos, properties):
        say(
            event="message",
            topic=topic,
            payload=bytes(payload).decode(),
            qos=qos,
            retain=bool(properties["retain"]),
            dup=bool(properties["dup"]),
            properties=from_library(properties),
        )
        if self.holds:
            await asyncio.Event().wait()
        return 0

    def on_disconnect(self, client, packet, exc=None):
        if not self.ending:
            say(event="refused", reason=f"the connection ended: {packet!r}")
            os._exit(0)  # it would connect again

    async def connect(self, order):
        self.holds = order["holds"]
        options = {}
        if order["version"] == 5 and not order["clean"]:
            options["session_expiry_interval"] = 3600
        if order["will"]:
            will = order["will"]
            options["will_message"] = gmqtt.Message(
                will["topic"], will["payload"], qos=will["qos"], retain=will["retain"]
            )
        self.client = gmqtt.Client(
            order["id"],
            clean_session=order["clean"],
            optimistic_acknowledgement=not order["holds"],
            persistent_storage=self.unacknowledged,
            **options,
        )
        self.client.on_connect = self.on_connect
        self.client.on_subscribe = self.on_subscribe
        self.client.on_unsubscribe = self.on_unsubscribe
        self.client.on_message = self.on_message
        self.client.on_disconnect = self.on_disconnect
        secure = order["transport"] == "tls"
        context = False
        if secure:
            identity = order["identity"]
            context = ssl.create_default_context(cafile=identity["ca"])
            if identity.get("cert"):
                context.load_cert_chain(identity["cert"], identity["key"])
        # The server's certificate holds the name; the plain listener is at the address.
        host = "localhost" if secure else "127.0.0.1"
        try:
            await self.client.connect(
                host, order["port"], ssl=context, keepalive=30, version=order["version"]
            )
        except Exception as error:
            say(event="refused", reason=f"{type(error).__name__} {error}")
            os._exit(0)

    async def obey(self, order):
        match order["do"]:
            case "connect":
                await self.connect(order)
            case "subscribe":
                self.client.subscribe(order["filter"], qos=order["qos"])
            case "unsubscribe":
                self.client.unsubscribe(order["filter"])
            case "publish":
                self.client.publish(
                    order["topic"],
                    order["payload"],
                    qos=order["qos"],
                    retain=order["retain"],
                    **to_library(order["properties"]),
                )
                await self.unacknowledged.wait_empty()
                say(event="published")
            case "disconnect":
                self.ending = True
                try:
                    await self.client.disconnect()
                except ssl.SSLError as error:
                    # DISCONNECT has gone; asyncio finds fault with what crossed it on the way here.
                    if error.reason != "APPLICATION_DATA_AFTER_CLOSE_NOTIFY":
                        raise


async def main():
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    peer = Peer()
    while not peer.ending and (line := await orders.readline()):
        await peer.obey(json.loads(line))


asyncio.run(main())
