"""paho-mqtt, driven line by line: a JSON order a line comes in, a JSON event a line goes out.

Orders: connect, subscribe, unsubscribe, publish, disconnect. Events: connected, refused, subscribed, unsubscribed,
published, message. `support/peer.rs` writes and reads them.
"""

import json
import ssl
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

printing = threading.Lock()
ended = threading.Event()


def say(**event):
    with printing:
        print(json.dumps(event), flush=True)


def on_connect(client, userdata, flags, reason, properties):
    if reason.is_failure:
        say(event="refused", reason=str(reason))
    elif not userdata.get("connected"):
        # That it has connected again is not waited for.
        userdata["connected"] = True
        say(event="connected", session_present=flags.session_present)


def on_subscribe(client, userdata, mid, reasons, properties):
    say(event="subscribed", granted=reasons[0].value)


def on_unsubscribe(client, userdata, mid, reasons, properties):
    say(event="unsubscribed")


def on_publish(client, userdata, mid, reason, properties):
    say(event="published")


NAMES = {
    "content_type": "ContentType",
    "response_topic": "ResponseTopic",
    "correlation": "CorrelationData",
    "expiry": "MessageExpiryInterval",
    "user": "UserProperty",
}


def to_library(told):
    """The properties of an order, by the names and types of the library."""
    properties = Properties(PacketTypes.PUBLISH)
    for name, value in told.items():
        if name == "correlation":
            value = bytes.fromhex(value)
        if name == "user":
            value = [tuple(pair) for pair in value]
        setattr(properties, NAMES[name], value)
    return properties


def from_library(seen):
    told = {}
    for name, theirs in NAMES.items():
        value = getattr(seen, theirs, None)
        if value is not None:
            told[name] = value.hex() if name == "correlation" else value
    return told


def on_message(client, userdata, message):
    say(
        event="message",
        topic=message.topic,
        payload=message.payload.decode(),
        qos=message.qos,
        retain=message.retain,
        dup=message.dup,
        properties=from_library(message.properties),
    )


def on_disconnect(client, userdata, flags, reason, properties):
    if userdata["reconnects"] and reason.is_failure:
        return  # it connects again by itself
    if flags.is_disconnect_packet_from_server or reason.is_failure:
        say(event="refused", reason=str(reason))
    else:
        ended.set()


def connect(order):
    secure = order["transport"] in ("tls", "wss")
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,
        client_id=order["id"],
        protocol=mqtt.MQTTv5 if order["version"] == 5 else mqtt.MQTTv311,
        clean_session=order["clean"] if order["version"] == 4 else None,
        transport="websockets" if order["transport"] in ("ws", "wss") else "tcp",
        reconnect_on_failure=order["reconnects"],
        manual_ack=order["holds"],
        userdata={"reconnects": order["reconnects"]},
    )
    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_unsubscribe = on_unsubscribe
    client.on_publish = on_publish
    client.on_message = on_message
    client.on_disconnect = on_disconnect
    if secure:
        identity = order["identity"]
        context = ssl.create_default_context(cafile=identity["ca"])
        if identity.get("cert"):
            context.load_cert_chain(identity["cert"], identity["key"])
        client.tls_set_context(context)
    if order["transport"] in ("ws", "wss"):
        client.ws_set_options(path="/mqtt")
    if order["will"]:
        will = order["will"]
        client.will_set(will["topic"], will["payload"], will["qos"], will["retain"])
    options = {}
    if order["version"] == 5:
        options["clean_start"] = order["clean"]
        if not order["clean"]:
            options["properties"] = Properties(PacketTypes.CONNECT)
            options["properties"].SessionExpiryInterval = 3600
    # The server's certificate holds the name; the plain listeners are at the address.
    host = "localhost" if secure else "127.0.0.1"
    try:
        client.connect(host, order["port"], keepalive=30, **options)
    except (OSError, ValueError) as error:
        say(event="refused", reason=str(error))
        sys.exit(0)
    client.loop_start()
    return client


client = None
for line in sys.stdin:
    order = json.loads(line)
    match order["do"]:
        case "connect":
            client = connect(order)
        case "subscribe":
            client.subscribe(order["filter"], order["qos"])
        case "unsubscribe":
            client.unsubscribe(order["filter"])
        case "publish":
            properties = to_library(order["properties"]) if order["properties"] else None
            client.publish(order["topic"], order["payload"], order["qos"], order["retain"], properties)
        case "disconnect":
            client.disconnect()
            ended.wait()
            break
