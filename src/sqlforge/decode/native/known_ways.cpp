#include "known_ways.hpp"

#include <algorithm>
#include <cstddef>

namespace sqlforge {

namespace {

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

void add_level(Digest& d, const Level& level) {
  d.add(&level, offsetof(Level, table));
  d.add(level.table, level.tables * sizeof(Instance));
  d.add(level.ref, level.refs * sizeof(Reference));
  d.add(level.qualifier, level.qualifiers * sizeof(Name));
  d.add(level.alias, level.aliases * sizeof(Name));
  d.add(level.alias_flags, level.aliases);
  d.add(level.item, level.items * sizeof(Item));
  d.add(level.first, level.first_items * sizeof(Item));
  d.add(&level.on, sizeof(Level) - offsetof(Level, on));
}

}  // namespace

uint64_t digest(const Language& l, const State& s, bool blank_written) {
  Digest d{l.serial};
  const uint8_t head[8] = {s.frames, s.levels, s.dynamics, s.relations, s.done,
                           uint8_t(s.qualifier_level), uint8_t(s.qualifier_index), blank_written};
  d.add(head, sizeof(head));
  d.add(s.frame, s.frames * sizeof(Frame));
  for (int i = 0; i < s.levels; ++i) add_level(d, s.level[i]);
  d.add(s.relation, s.relations * sizeof(Relation));
  for (int i = 0; i < s.dynamics; ++i) d.add(s.dynamic[i], kNameBytes);
  return d.sum();
}

}  // namespace sqlforge
