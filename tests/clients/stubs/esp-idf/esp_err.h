// Declarations alone: see ../README.md.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef int esp_err_t;

#define ESP_OK 0

void esp_err_failed(esp_err_t error);

#define ESP_ERROR_CHECK(call)        \
  do {                               \
    esp_err_t failed = (call);       \
    if (failed != ESP_OK)            \
      esp_err_failed(failed);        \
  } while (0)
