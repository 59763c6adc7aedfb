// Declarations alone: see ../README.md.
#pragma once

#include <cstdint>
#include <ctime>

using boolean = bool;
using byte = std::uint8_t;
using std::uint16_t;
using std::uint32_t;
using std::uint8_t;

void delay(uint32_t milliseconds);
void configTime(long zone_seconds, int summer_seconds, const char *server1, const char *server2 = nullptr,
                const char *server3 = nullptr);

class HardwareSerial {
public:
  void begin(unsigned long baud);
  std::size_t printf(const char *format, ...) __attribute__((format(printf, 2, 3)));
};

extern HardwareSerial Serial;

void setup();
void loop();
