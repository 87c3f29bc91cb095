// Tokens to the end after each open word that a mask has met: emptied and filled again all the time.
#pragma once
#include <vector>

#include "digest.hpp"

namespace sqlforge {

constexpr int16_t kUnknown = -2;

class OpenWords {
 public:
  // Of this text, kUnknown where it is new; until the next one is asked for.
  int16_t& of(const char* text, size_t size) {
    if (entries_.size() < 2 * (used_ + 1)) grow();
    Digest digest{size};
    digest.add(text, size);
    return find(digest.sum()).cost;
  }
  void clear() { ++round_, used_ = 0; }

 private:
  struct Entry {
    uint64_t key = 0;
    uint32_t round = 0;  // in which it was written: of another one it is empty
    int16_t cost = kUnknown;
  };

  Entry& find(uint64_t key) {
    size_t at = key & (entries_.size() - 1);
    while (entries_[at].round == round_ && entries_[at].key != key) at = (at + 1) & (entries_.size() - 1);
    if (entries_[at].round != round_) {
      entries_[at] = {key, round_, kUnknown};
      ++used_;
    }
    return entries_[at];
  }
  void grow() {
    std::vector<Entry> old(entries_.empty() ? 64 : 2 * entries_.size());
    old.swap(entries_);
    used_ = 0;
    for (const Entry& entry : old)
      if (entry.round == round_) find(entry.key).cost = entry.cost;
  }

  std::vector<Entry> entries_;
  uint32_t round_ = 1;
  size_t used_ = 0;
};

}  // namespace sqlforge
