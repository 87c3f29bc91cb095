// What the ways out of states cost that were asked about lately, by a digest of what is in use of
// them.
#pragma once
#include <vector>

#include "state.hpp"

namespace sqlforge {

uint64_t digest(const Language& l, const State& s, bool blank_written);

struct KnownWay {
  uint64_t key = 0;
  int16_t cost = 0;  // in tokens; -1: no way
  int16_t steps = 0;
};

// This thread's; a new one takes the place of another.
inline KnownWay& known_way(uint64_t key) {
  static thread_local std::vector<KnownWay> ways(4096);
  return ways[key >> 52];
}

}  // namespace sqlforge
