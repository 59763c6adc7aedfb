// Declarations alone: see ../README.md.
#pragma once

#include "WiFi.h"

class WiFiClientSecure : public WiFiClient {
public:
  void setInsecure();
  void setCACert(const char *root);
  void setCertificate(const char *certificate);
  void setPrivateKey(const char *key);
};
