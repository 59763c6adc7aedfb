// Declarations alone: see ../README.md.
#pragma once

#include "esp_err.h"

typedef uint32_t TickType_t;

#define pdMS_TO_TICKS(milliseconds) ((TickType_t)(milliseconds) / 10)

esp_err_t esp_netif_init(void);
