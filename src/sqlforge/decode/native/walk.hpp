// The walk over the tokens' tries that finds out which of them may come next.
#pragma once
#include <bitset>
#include <vector>

#include "completion.hpp"

namespace sqlforge {

constexpr int kDeepest = 256;

// The states and memos of each depth of a walk.
struct Workspace {
  std::vector<State> state{kDeepest}, ended_state{kDeepest};
  std::vector<Memo> memo{kDeepest}, ended_memo{kDeepest};
};

Workspace& workspace();  // this thread's

using Bytes = std::bitset<256>;

// The place once what was open there has been ended so.
struct Ended {
  bool tried = false, taken = false;
  Place place{};
  Lexer lexer;
};

struct Walk {
  const Language& l;
  const Trie& trie;
  uint32_t* out;
  int left;  // tokens that may follow this one, the end token not counted; -1: no matter
  Workspace& space;
  bool short_names = false;  // those that are whole tokens are in the mask already
  bool begins_here = false;  // and not only after a blank: no lexeme was open
  uint8_t first = 0;         // byte of the tokens that are walked

  void at(uint32_t node, const State* state, Memo* memo, const Lexer& lexer, int depth);
  // Looks again at the tokens that write `rest`, in any case: the mask has those that fit.
  void again(uint32_t node, const State& state, Memo& memo, const Lexer& lexer, const char* rest);
  // The same of all names that are taken or reserved and begin as the open word, if there is one.
  void taken_again(uint32_t node, const State& state, Memo& memo, const Lexer& lexer);
  void taken_again_after_blank(const State& state, Memo& memo, const Lexer& lexer);

  // The parts of `at`.
  bool end(Ended& ended, const State& state, Memo& memo, const Lexer& lexer, int depth);
  bool nothing_but_words(const State& s, Memo* m, const Lexer& lexer, int depth) const;
  bool in_mask(NewName fresh, const Lexer& lexer, int depth) const;
  bool too_dear(const State& s, Memo& m) const;
  Bytes next_bytes(const Lexer& lexer) const;
  bool allowed(const State& state, const Lexer& lexer, Memo& memo) const;
};

}  // namespace sqlforge
