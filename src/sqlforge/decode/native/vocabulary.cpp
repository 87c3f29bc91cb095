#include "vocabulary.hpp"

#include <algorithm>
#include <numeric>

namespace sqlforge {

bool Utf8::take(uint8_t byte) {
  if (need) {
    if (byte < low || byte > high) return false;
    low = 0x80, high = 0xBF;
    --need;
    return true;
  }
  if (byte < 0x80) return (byte >= 0x20 && byte != 0x7F) || byte == '\t';
  if (byte >= 0xC2 && byte <= 0xDF) {
    need = 1;
  } else if (byte >= 0xE0 && byte <= 0xEF) {
    need = 2;
    if (byte == 0xE0) low = 0xA0;
    if (byte == 0xED) high = 0x9F;  // no surrogates
  } else if (byte >= 0xF0 && byte <= 0xF4) {
    need = 3;
    if (byte == 0xF0) low = 0x90;
    if (byte == 0xF4) high = 0x8F;
  } else {
    return false;
  }
  return true;
}

namespace {

Trie build(const std::vector<std::string>& text, std::vector<int32_t> ids) {
  std::sort(ids.begin(), ids.end(), [&](int a, int b) { return text[a] < text[b]; });
  Trie trie;
  trie.ids = ids;
  struct Todo {
    uint32_t node, begin, end, depth;
  };
  trie.nodes.push_back({0});
  std::vector<Todo> todo{{0, 0, uint32_t(ids.size()), 0}};
  for (size_t next = 0; next < todo.size(); ++next) {  // breadth first keeps children together
    const Todo at = todo[next];
    uint32_t i = at.begin;
    while (i < at.end && text[ids[i]].size() == at.depth) ++i;
    trie.nodes[at.node].first_token = at.begin;
    trie.nodes[at.node].tokens = i - at.begin;
    trie.nodes[at.node].first_child = uint32_t(trie.nodes.size());
    while (i < at.end) {
      const uint8_t byte = uint8_t(text[ids[i]][at.depth]);
      uint32_t j = i;
      while (j < at.end && uint8_t(text[ids[j]][at.depth]) == byte) ++j;
      todo.push_back({uint32_t(trie.nodes.size()), i, j, at.depth + 1});
      trie.nodes.push_back({byte});
      ++trie.nodes[at.node].children;
      i = j;
    }
  }
  for (uint32_t c = 1; c <= trie.nodes[0].children; ++c) trie.begins[trie.nodes[c].byte] = c;
  for (size_t n = trie.nodes.size(); n-- > 0;) {  // children come after their parents
    TrieNode& node = trie.nodes[n];
    for (uint32_t c = node.first_child; c < node.first_child + node.children; ++c)
      node.leaves_word |= trie.nodes[c].leaves_word || !word_byte(trie.nodes[c].byte);
  }
  return trie;
}

}  // namespace

bool short_alias(const char* text, size_t size, bool whole) {
  int letters = 0, digits = 0;
  for (size_t i = 0; i < size; ++i) {
    const uint8_t c = uint8_t(text[i]) | 32;  // the digits keep their bytes
    if (text[i] >= '0' && text[i] <= '9') {
      ++digits;
    } else if (c >= 'a' && c <= 'z' && text[i] >= 'A') {
      if (digits) return false;
      ++letters;
    } else {
      return false;
    }
  }
  return letters <= 2 && digits <= 2 && (!whole || letters > 0);
}

uint32_t Trie::child(uint32_t node, uint8_t byte) const {
  if (node == 0) return begins[byte];
  uint32_t low = nodes[node].first_child;  // in the order of their bytes
  uint32_t high = low + nodes[node].children;
  const uint32_t end = high;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    if (nodes[middle].byte < byte) low = middle + 1; else high = middle;
  }
  return low < end && nodes[low].byte == byte ? low : 0;
}

int32_t Trie::find(const std::string& text) const {
  uint32_t node = 0;
  for (char c : text)
    if (node = child(node, uint8_t(c)); !node) return -1;
  return nodes[node].tokens ? ids[nodes[node].first_token] : -1;
}

size_t Trie::longest(const char* text, size_t size) const {
  uint32_t node = 0;
  size_t i = 0, best = 0;
  while (i < size && (node = child(node, uint8_t(text[i]))))
    if (++i; nodes[node].tokens) best = i;
  return best;
}

int Trie::greedy_cost(const char* text, size_t size) const {
  int cost = 0;
  for (size_t at = 0; at < size; ++cost) {
    const size_t taken = longest(text + at, size - at);
    if (!taken) return -1;
    at += taken;
  }
  return cost;
}

void Vocabulary::clear_short(Mask& mask, const std::string& folded) const {
  if (!short_alias(folded.data(), folded.size(), true)) return;
  if (short_alias((folded + "0").data(), folded.size() + 1, true)) return;
  for (int blank = 0; blank < 5; ++blank)
    for (unsigned upper = 0; upper < 1u << folded.size(); ++upper) {
      std::string text = blank ? std::string(1, " \n\t\r"[blank - 1]) : std::string();
      for (size_t i = 0; i < folded.size(); ++i)
        text += upper >> i & 1 && folded[i] >= 'a' ? char(folded[i] - 32) : folded[i];
      const int32_t id = exact.all.find(text);
      if (id >= 0) mask[id / 32] &= ~(1u << (id % 32));
    }
}

Vocabulary::Vocabulary(std::vector<std::string> tokens, std::vector<bool> use,
                       std::vector<int32_t> eos)
    : size(int(tokens.size())), eos_ids(std::move(eos)), text(std::move(tokens)), usable(use) {
  std::vector<int32_t> everything, with_single, with_double, others, ending, unblanked;
  begin_name = go_on_name = name_after_blank = std::vector<Mask>(kLongest + 1, Mask(words(), 0));
  const auto letter = [](uint8_t b) {
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || b == '_';
  };
  const auto digit = [](uint8_t b) { return b >= '0' && b <= '9'; };
  plain_single = plain_double = whole_single = whole_double = Mask(words(), 0);
  short_name = short_after_blank = Mask(words(), 0);
  for (int id = 0; id < size; ++id) {
    if (!usable[id] || text[id].empty()) continue;
    everything.push_back(id);
    const bool has_single = text[id].find('\'') != std::string::npos;
    const bool has_double = text[id].find('"') != std::string::npos;
    if (has_single) with_single.push_back(id);
    if (has_double) with_double.push_back(id);
    const std::string& t = text[id];
    most_brackets = std::max(most_brackets, int(std::count(t.begin(), t.end(), '(')));
    const size_t first = t[0] == ' ' || t[0] == '\n' || t[0] == '\t' || t[0] == '\r';
    const int letters = int(t.size() - first);
    if (letters > 0 && short_alias(t.data() + first, size_t(letters), false) && letter(uint8_t(t[first])))
      for (Mask* mask : {&short_name, first ? &short_after_blank : &short_name})
        (*mask)[id / 32] |= 1u << (id % 32);
    const bool name = letters > 0 && letters <= kLongest &&
                      std::all_of(t.begin() + long(first), t.end(),
                                  [&](char c) { return letter(uint8_t(c)) || digit(uint8_t(c)); });
    if (!name) others.push_back(id);
    if (!name || first) ending.push_back(id);
    if (!name || !first || digit(uint8_t(t[first]))) unblanked.push_back(id);
    for (int n = name ? letters : kLongest + 1; n <= kLongest; ++n) {
      if (!digit(uint8_t(t[first]))) begin_name[n][id / 32] |= 1u << (id % 32);
      if (first && !digit(uint8_t(t[first]))) name_after_blank[n][id / 32] |= 1u << (id % 32);
      if (!first) go_on_name[n][id / 32] |= 1u << (id % 32);
    }
    Utf8 utf8;
    const bool valid =
        std::all_of(text[id].begin(), text[id].end(), [&](char c) { return utf8.take(uint8_t(c)); });
    if (!valid) continue;
    const uint32_t bit = 1u << (id % 32);
    if (!has_single) plain_single[id / 32] |= bit;
    if (!has_double) plain_double[id / 32] |= bit;
    if (!has_single && !utf8.need) whole_single[id / 32] |= bit;
    if (!has_double && !utf8.need) whole_double[id / 32] |= bit;
  }
  std::vector<int32_t> not_whole;
  for (const int32_t id : everything)
    if (!(whole_double[id / 32] >> (id % 32) & 1)) not_whole.push_back(id);
  const auto tries = [&](const std::vector<std::string>& as) {
    return Tries{build(as, everything), build(as, with_single), build(as, with_double),
                 build(as, not_whole),  build(as, others),      build(as, unblanked),
                 build(as, ending)};
  };
  exact = tries(text);
  std::vector<std::string> small = text;
  for (std::string& t : small)
    for (char& c : t) c = char(lower(uint8_t(c)));
  folded = tries(small);
}

}  // namespace sqlforge
