// The tokens of a tokenizer as tries over their bytes: what a mask walks.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace sqlforge {

inline bool word_byte(uint8_t b) {
  return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '_';
}
inline bool word_start(uint8_t b) { return word_byte(b) && !(b >= '0' && b <= '9'); }
inline uint8_t lower(uint8_t b) { return b >= 'A' && b <= 'Z' ? uint8_t(b + 32) : b; }
inline bool blank(uint8_t b) { return b == ' ' || b == '\n' || b == '\t' || b == '\r'; }

struct TrieNode {
  uint8_t byte;
  uint32_t first_child = 0;  // children lie side by side
  uint16_t children = 0;
  bool leaves_word = false;  // some token goes on from here with a byte that is no word's
  uint32_t first_token = 0;  // ids of the tokens that end here
  uint32_t tokens = 0;
};

struct Trie {
  std::vector<TrieNode> nodes;  // nodes[0] is the root
  std::vector<int32_t> ids;
  std::array<uint32_t, 256> begins{};  // the root's child by its byte, 0 if there is none

  int32_t find(const std::string& text) const;  // a token that writes it, or -1
  size_t longest(const char* text, size_t size) const;  // bytes of the longest token that begins it
  // Longest tokens first: how many tokens write `text`, or -1 if none can.
  int greedy_cost(const char* text, size_t size) const;
  uint32_t child(uint32_t node, uint8_t byte) const;  // 0, which is the root, if there is none
};

// A set of tokens as the bitmask that goes to the logits: bit id % 32 of word id / 32.
using Mask = std::vector<uint32_t>;

// T1, s, st2: what people call a table, and what may come before FROM says which.
bool short_alias(const char* text, size_t size, bool whole);

struct Tries {
  Trie all, single, dbl;     // every token; those with a ', those with a "
  Trie not_whole_double;     // all but those in `whole_double`
  Trie mixed;                // all but those in `begin_name`
  Trie no_name_after_blank;  // all but those in `name_after_blank`
  Trie ends_name;  // `mixed` and what begins with a blank: what may end the name under way
};

struct Vocabulary {
  int size = 0;
  std::vector<int32_t> eos_ids;
  std::vector<std::string> text;     // bytes of each id
  std::vector<bool> usable;          // false: never inside SQL
  int most_brackets = 0;             // that one token opens
  // In lower case, since only values that are given have to be written as they are.
  Tries exact, folded;
  Mask plain_single, plain_double;   // tokens that stay within a quoted text, UTF-8 begun at most
  Mask whole_single, whole_double;   // of these, those that end on a whole character
  // Tokens that are nothing but a new name, or go on with one, by their length in letters: with
  // `begin` a blank may come first.
  static constexpr int kLongest = 32;
  std::vector<Mask> begin_name, go_on_name;
  std::vector<Mask> name_after_blank;  // of `begin_name` those with the blank
  Mask short_name, short_after_blank;  // tokens that are a whole short alias: at once or after a
                                       // blank; after a blank

  Vocabulary(std::vector<std::string> tokens, std::vector<bool> usable, std::vector<int32_t> eos);
  // Takes the tokens that write this name, in any case and after a blank, out of a mask; a name that
  // may still grow into another one stays.
  void clear_short(Mask& mask, const std::string& folded) const;
  int words() const { return (size + 31) / 32; }
};

// UTF-8 of a quoted text, byte by byte.
struct Utf8 {
  uint8_t need = 0, low = 0x80, high = 0xBF;
  bool take(uint8_t byte);  // false: not UTF-8, or a control character other than a tab
};

}  // namespace sqlforge
