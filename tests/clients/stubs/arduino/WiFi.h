// Declarations alone: see ../README.md.
#pragma once

#include "Client.h"

enum wl_status_t {
  WL_NO_SHIELD = 255,
  WL_IDLE_STATUS = 0,
  WL_NO_SSID_AVAIL = 1,
  WL_SCAN_COMPLETED = 2,
  WL_CONNECTED = 3,
  WL_CONNECT_FAILED = 4,
  WL_CONNECTION_LOST = 5,
  WL_DISCONNECTED = 6
};

class WiFiClass {
public:
  wl_status_t begin(const char *ssid, const char *passphrase = nullptr, int32_t channel = 0,
                    const uint8_t *bssid = nullptr, bool connect = true);
  static wl_status_t status();
};

extern WiFiClass WiFi;

class WiFiClient : public Client {
public:
  int available() override;
  int read() override;
  int connect(IPAddress address, uint16_t port) override;
  int connect(const char *host, uint16_t port) override;
  void stop() override;
  uint8_t connected() override;
};
