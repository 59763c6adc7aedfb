// Declarations alone: see ../README.md.
#pragma once

#include <stdbool.h>

#include "esp_netif.h"

typedef struct esp_sntp_config {
  bool smooth_sync;
  bool wait_for_sync;
  bool start;
  size_t num_of_servers;
  const char *servers[1];
} esp_sntp_config_t;

#define ESP_NETIF_SNTP_DEFAULT_CONFIG(server) \
  {.smooth_sync = false, .wait_for_sync = true, .start = true, .num_of_servers = 1, .servers = {server}}

esp_err_t esp_netif_sntp_init(const esp_sntp_config_t *config);
esp_err_t esp_netif_sntp_sync_wait(TickType_t ticks);
