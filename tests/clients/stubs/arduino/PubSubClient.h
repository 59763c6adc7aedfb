// Declarations alone: see ../README.md.
#pragma once

#include "Client.h"

class PubSubClient {
public:
  PubSubClient();
  PubSubClient(Client &client);
  PubSubClient &setServer(IPAddress address, uint16_t port);
  PubSubClient &setServer(uint8_t *address, uint16_t port);
  PubSubClient &setServer(const char *domain, uint16_t port);
  boolean connect(const char *id);
  boolean connect(const char *id, const char *user, const char *password);
  boolean connect(const char *id, const char *will_topic, uint8_t will_qos, boolean will_retain, const char *will);
  void disconnect();
  boolean publish(const char *topic, const char *payload);
  boolean publish(const char *topic, const char *payload, boolean retained);
  boolean publish(const char *topic, const uint8_t *payload, unsigned int length);
  boolean publish(const char *topic, const uint8_t *payload, unsigned int length, boolean retained);
  boolean subscribe(const char *topic);
  boolean subscribe(const char *topic, uint8_t qos);
  boolean loop();
  boolean connected();
  int state();
};
