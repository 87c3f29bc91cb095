#include "walk.hpp"

#include <cstring>

#include "after.hpp"

namespace sqlforge {

Workspace& workspace() {
  static thread_local Workspace space;
  return space;
}

namespace {

bool in_text(Mode mode) { return mode == mText || mode == mQuoted; }

// What may be written outside of texts and quoted names.
const Bytes& written() {
  static const Bytes bytes = [] {
    Bytes found;
    for (int b = 0; b < 256; ++b)
      found[size_t(b)] = word_byte(uint8_t(b)) || blank(uint8_t(b)) ||
                         (b && std::strchr("'\".,;()*+-/%<>=!|", b));
    return found;
  }();
  return bytes;
}

// Whether the byte ends what is open just as other bytes do, so that this is done once for them: a
// dot, a bracket after a word and what goes on with the lexeme do not.
bool ends_alike(const Lexer& lexer, uint8_t byte) {
  switch (lexer.mode) {
    case mWord: return !word_byte(byte) && byte != '.' && byte != '(' && byte != '\'' && byte != '"';
    case mQuotedEnd: return !word_byte(byte) && byte != '.' && byte != '\'' && byte != '"';
    case mTextEnd: return byte != '\'' && byte != '"';
    case mNumber:
    case mFraction: return !word_byte(byte) && byte != '.' && byte != '\'' && byte != '"';
    case mOperator: return byte != '=' && byte != '>' && byte != '|';
    default: return false;
  }
}

}  // namespace

void Walk::at(uint32_t node, const State* state, Memo* memo, const Lexer& lexer, int depth) {
  if (depth + 1 >= kDeepest) return;
  const TrieNode& here = trie.nodes[node];
  const Reader reader{l};
  const bool known_words = nothing_but_words(*state, memo, lexer, depth);
  const Bytes going_on = known_words ? next_bytes(lexer) : Bytes();
  const bool anything = in_text(lexer.mode);
  Ended ended;
  for (uint32_t c = here.first_child; c < here.first_child + here.children; ++c) {
    const TrieNode& child = trie.nodes[c];
    if (depth == 0) first = child.byte;
    if (!anything && !written()[child.byte]) continue;
    if (known_words && !child.leaves_word && word_byte(child.byte) && !going_on[lower(child.byte)])
      continue;
    Place next{state, memo, &space.state[depth], &space.memo[depth]};
    Lexer after = lexer;
    if (const bool alike = ends_alike(lexer, child.byte);
        alike && end(ended, *state, *memo, lexer, depth)) {
      next.state = ended.place.state, next.memo = ended.place.memo;
      after = ended.lexer;
      if (!reader.begin(next, after, child.byte)) continue;
    } else if ((alike && !blank(child.byte)) || !reader.feed(next, after, child.byte)) {
      continue;  // a blank after a function's name still waits for its bracket
    }
    if (child.tokens && allowed(*next.state, after, *next.memo))
      for (uint32_t t = 0; t < child.tokens; ++t) {
        const int32_t id = trie.ids[child.first_token + t];
        out[id / 32] |= 1u << (id % 32);
      }
    if (child.children) at(c, next.state, next.memo, after, depth + 1);
  }
}

void Walk::again(uint32_t node, const State& state, Memo& memo, const Lexer& lexer, const char* rest) {
  const TrieNode& here = trie.nodes[node];
  for (uint32_t c = here.first_child; c < here.first_child + here.children; ++c) {
    const TrieNode& child = trie.nodes[c];
    if (lower(child.byte) != uint8_t(*rest)) continue;
    Place next{&state, &memo, &space.state[0], &space.memo[0]};
    Lexer after = lexer;
    const bool taken = Reader{l}.feed(next, after, child.byte);
    const bool beyond = lexer.mode != mQuoted && after.size > kMostAliasBytes;  // in no mask
    if (child.tokens && (!rest[1] || beyond)) {
      const bool fits = taken && allowed(*next.state, after, *next.memo);
      for (uint32_t t = 0; t < child.tokens; ++t) {
        const int32_t id = trie.ids[child.first_token + t];
        const uint32_t bit = 1u << (id % 32);
        if (fits) out[id / 32] |= bit; else out[id / 32] &= ~bit;
      }
    }
    if (taken && rest[1]) again(c, *next.state, *next.memo, after, rest + 1);
  }
}

void Walk::taken_again(uint32_t node, const State& state, Memo& memo, const Lexer& lexer) {
  const size_t size = lexer.mode == mWord ? lexer.size : 0;
  const auto name = [&](const char* text) {
    if (!std::strncmp(text, lexer.text, size) && text[size]) again(node, state, memo, lexer, text + size);
  };
  for (const std::string& text : l.folded) name(text.c_str());
  for (const std::string& text : reserved_words()) name(text.c_str());
  for (int d = 0; d < state.dynamics; ++d) name(state.dynamic[d]);
}

void Walk::taken_again_after_blank(const State& state, Memo& memo, const Lexer& lexer) {
  for (const char blank : {' ', '\n', '\t', '\r'})
    if (const uint32_t node = trie.child(0, uint8_t(blank)); node) taken_again(node, state, memo, lexer);
}

bool Walk::end(Ended& ended, const State& state, Memo& memo, const Lexer& lexer, int depth) {
  if (!ended.tried) {
    ended.tried = true;
    ended.place = {&state, &memo, &space.ended_state[size_t(depth)], &space.ended_memo[size_t(depth)]};
    ended.lexer = lexer;
    ended.taken = Reader{l}.end(ended.place, ended.lexer);
  }
  return ended.taken;
}

// Within a word that goes on as one of the language's words or not at all: no name of one's own
// may stand there, or none that fits, or only a short one whose tokens are in the mask already.
bool Walk::nothing_but_words(const State& s, Memo* m, const Lexer& lexer, int depth) const {
  if (lexer.mode != mWord) return false;
  const NewName fresh = Reader{l}.fresh(s, *m);
  if (fresh != kNoNew && !in_mask(fresh, lexer, depth) && !too_dear(s, *m)) return false;
  for (int d = 0; d < s.dynamics; ++d)
    if (!std::strncmp(s.dynamic[d], lexer.text, lexer.size)) return false;
  return true;
}

// Whether the mask has the tokens that write such a name as the word that is open.
bool Walk::in_mask(NewName fresh, const Lexer& lexer, int depth) const {
  if (!short_names || fresh == kNewAlias) return false;
  return depth == lexer.size ? begins_here : depth == lexer.size + 1 && blank(first);
}

// No new name leaves enough tokens to end.
bool Walk::too_dear(const State& s, Memo& m) const {
  if (left < 0) return false;
  const int needed = after_fresh(l, s, m);
  return needed < 0 || needed > left;
}

Bytes Walk::next_bytes(const Lexer& lexer) const {
  Bytes found;
  for (int i = lexer.low; i < lexer.high; ++i)
    if (l.words[i].text.size() > lexer.size) found.set(uint8_t(l.words[i].text[lexer.size]));
  return found;
}

bool Walk::allowed(const State& state, const Lexer& lexer, Memo& memo) const {
  if (left < 0) return true;
  const int needed = tokens_to_end(l, state, lexer, memo, left);
  return needed >= 0 && needed <= left;
}

}  // namespace sqlforge
