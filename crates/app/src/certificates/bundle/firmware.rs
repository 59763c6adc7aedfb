//! What goes into a device: sketches and projects. None of it was run on hardware here.

use super::{Device, Made, Part};
use crate::snippets::literal;

/// PEM as the text of a C++ raw string.
fn raw(name: &str, pem: &str) -> String {
    format!(
        "static const char {name}[] = R\"PEM({}\n)PEM\";\n",
        pem.trim()
    )
}

pub(super) fn arduino(device: &Device<'_>) -> Made {
    let name = device.name;
    let header = format!(
        "// {name}: the authority it trusts, its certificate, its key. Keep this file to yourself: the key is in it.
#pragma once

{}
{}
{}",
        raw("CA", &device.ca.to_pem()),
        raw("CERTIFICATE", &device.chain),
        raw("KEY", &device.key)
    );
    let sketch = format!(
        "// {name} over mutual TLS: ESP32 with the Arduino core, and the library PubSubClient.
#include <WiFi.h>
#include <WiFiClientSecure.h>
#include <PubSubClient.h>
#include <time.h>

#include \"certificates.h\"

static const char WIFI[] = \"YOUR-WIFI\";
static const char PASSWORD[] = \"YOUR-PASSWORD\";

WiFiClientSecure net;
PubSubClient mqtt(net);

void setup() {{
  Serial.begin(115200);
  WiFi.begin(WIFI, PASSWORD);
  while (WiFi.status() != WL_CONNECTED) delay(100);
  // A certificate is checked by the time, which a device learns first.
  configTime(0, 0, \"pool.ntp.org\");
  while (time(nullptr) < 1700000000) delay(100);
  net.setCACert(CA);
  net.setCertificate(CERTIFICATE);
  net.setPrivateKey(KEY);
  mqtt.setServer({host}, {port});
}}

void loop() {{
  if (!mqtt.connected() && !mqtt.connect({client})) {{
    Serial.printf(\"not connected: %d\\n\", mqtt.state());
    delay(5000);
    return;
  }}
  mqtt.loop();
  mqtt.publish({topic}, \"hello\");
  delay(1000);
}}
",
        host = literal(&device.host),
        port = device.port,
        client = literal(name),
        topic = literal(&device.topic),
    );
    Made {
        parts: vec![
            Part::secret("certificates.h", header.as_bytes()),
            // Arduino opens a sketch that is named as its folder.
            Part::open(format!("{name}-arduino.ino"), sketch),
        ],
        command: None,
        untried: Some("The sketch was not compiled for an ESP32, nor run on one."),
    }
}

pub(super) fn esp_idf(device: &Device<'_>) -> Made {
    let name = device.name;
    let main = format!(
        "// {name} over mutual TLS, with the component esp-mqtt of ESP-IDF 5.
#include \"esp_event.h\"
#include \"esp_log.h\"
#include \"esp_netif.h\"
#include \"esp_netif_sntp.h\"
#include \"mqtt_client.h\"
#include \"nvs_flash.h\"
#include \"protocol_examples_common.h\"

static const char *TAG = \"mqtt\";

// Embedded by main/CMakeLists.txt, each with a zero at its end.
extern const char ca_crt_start[] asm(\"_binary_ca_crt_start\");
extern const char device_crt_start[] asm(\"_binary_device_crt_start\");
extern const char device_key_start[] asm(\"_binary_device_key_start\");

static void on_event(void *arguments, esp_event_base_t base, int32_t id, void *data) {{
  esp_mqtt_event_handle_t event = data;
  switch ((esp_mqtt_event_id_t)id) {{
  case MQTT_EVENT_CONNECTED:
    ESP_LOGI(TAG, \"connected\");
    esp_mqtt_client_publish(event->client, {topic}, \"hello\", 0, 1, 0);
    break;
  case MQTT_EVENT_PUBLISHED:
    ESP_LOGI(TAG, \"acknowledged\");
    break;
  case MQTT_EVENT_DISCONNECTED:
    ESP_LOGW(TAG, \"disconnected\");
    break;
  default:
    break;
  }}
}}

void app_main(void) {{
  ESP_ERROR_CHECK(nvs_flash_init());
  ESP_ERROR_CHECK(esp_netif_init());
  ESP_ERROR_CHECK(esp_event_loop_create_default());
  ESP_ERROR_CHECK(example_connect());
  // A certificate is checked by the time, which a device learns first.
  esp_sntp_config_t sntp = ESP_NETIF_SNTP_DEFAULT_CONFIG(\"pool.ntp.org\");
  ESP_ERROR_CHECK(esp_netif_sntp_init(&sntp));
  while (esp_netif_sntp_sync_wait(pdMS_TO_TICKS(10000)) != ESP_OK) {{
    ESP_LOGW(TAG, \"no time yet\");
  }}
  const esp_mqtt_client_config_t config = {{
    .broker.address.uri = {uri},
    .broker.verification.certificate = ca_crt_start,
    .credentials.client_id = {client},
    .credentials.authentication.certificate = device_crt_start,
    .credentials.authentication.key = device_key_start,
  }};
  esp_mqtt_client_handle_t client = esp_mqtt_client_init(&config);
  ESP_ERROR_CHECK(esp_mqtt_client_register_event(client, ESP_EVENT_ANY_ID, on_event, NULL));
  ESP_ERROR_CHECK(esp_mqtt_client_start(client));
}}
",
        topic = literal(&device.topic),
        uri = literal(&format!("mqtts://{}:{}", device.host, device.port)),
        client = literal(name),
    );
    Made {
        parts: vec![
            Part::open(
                "CMakeLists.txt",
                "cmake_minimum_required(VERSION 3.16)
include($ENV{IDF_PATH}/tools/cmake/project.cmake)
project(mqtt_device)
",
            ),
            Part::open(
                "main/CMakeLists.txt",
                "idf_component_register(
  SRCS main.c
  PRIV_REQUIRES mqtt nvs_flash esp_netif protocol_examples_common
  EMBED_TXTFILES ca.crt device.crt device.key)
",
            ),
            Part::open(
                "main/idf_component.yml",
                "dependencies:
  protocol_examples_common:
    path: ${IDF_PATH}/examples/common_components/protocol_examples_common
",
            ),
            Part::open("main/main.c", main),
            Part::open("main/ca.crt", device.ca.to_pem()),
            Part::open("main/device.crt", device.chain.as_bytes()),
            Part::secret("main/device.key", device.key.as_bytes()),
        ],
        command: Some(
            "idf.py set-target esp32 && idf.py menuconfig && idf.py flash monitor".into(),
        ),
        untried: Some("The project was not built with ESP-IDF, nor run on a device."),
    }
}

pub(super) fn micro_python(device: &Device<'_>) -> Made {
    let name = device.name;
    let program = format!(
        "# {name} over mutual TLS: MicroPython 1.22 or newer with umqtt.simple (mip install umqtt.simple).
import ssl
import time

import network
import ntptime
from umqtt.simple import MQTTClient

wlan = network.WLAN(network.STA_IF)
wlan.active(True)
wlan.connect(\"YOUR-WIFI\", \"YOUR-PASSWORD\")
while not wlan.isconnected():
    time.sleep(0.1)
# A certificate is checked by the time, which a device learns first.
ntptime.settime()

context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.verify_mode = ssl.CERT_REQUIRED
with open(\"ca.der\", \"rb\") as file:
    context.load_verify_locations(cadata=file.read())
with open(\"device.crt.der\", \"rb\") as certificate, open(\"device.key.der\", \"rb\") as key:
    context.load_cert_chain(certificate.read(), key.read())

client = MQTTClient({client}, {host}, {port}, keepalive=60, ssl=context)
client.connect()
client.publish({topic}, b\"hello\", qos=1)
print(\"acknowledged\")
client.disconnect()
",
        client = literal(name),
        host = literal(&device.host),
        port = device.port,
        topic = literal(&device.topic),
    );
    Made {
        parts: vec![
            Part::open("main.py", program),
            Part::open("ca.der", device.ca.der()),
            Part::open("device.crt.der", device.certificate.der()),
            Part::secret("device.key.der", device.key_der),
        ],
        command: Some("mpremote cp main.py ca.der device.crt.der device.key.der :".into()),
        untried: Some("The program was read by Python's compiler, and not run on a device."),
    }
}
