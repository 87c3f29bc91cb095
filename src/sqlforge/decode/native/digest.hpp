// Sums of 64 bits that stand for what they are of: two things of one sum are not expected.
#pragma once
#include <cstdint>
#include <cstring>
#include <utility>

namespace sqlforge {

// Two sums side by side, so that one multiplication need not wait for the other.
struct Digest {
  uint64_t a, b = 0x243F6A8885A308D3ull;

  void word(uint64_t value) {
    a = (a ^ value) * 0x9E3779B97F4A7C15ull;
    a ^= a >> 29;
    std::swap(a, b);
  }
  void add(const void* data, size_t bytes) {
    const char* from = static_cast<const char*>(data);
    for (; bytes >= 8; from += 8, bytes -= 8) {
      uint64_t value;
      std::memcpy(&value, from, 8);
      word(value);
    }
    if (!bytes) return;
    uint64_t value = 0;
    std::memcpy(&value, from, bytes);
    word(value);
  }
  uint64_t sum() {
    word(b);
    word(a);
    return a ^ b;
  }
};

}  // namespace sqlforge
