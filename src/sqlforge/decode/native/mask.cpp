#include "mask.hpp"

#include <algorithm>
#include <bitset>
#include <cstring>

namespace sqlforge {

namespace {

// The way out grows with one token by a reference (its column, FROM, a table and an alias), by a pair
// of keys and by what a token of brackets opens: with more tokens to spare none of them is checked.
constexpr int kBrackets = 24;

int most_growth(const Language& l, const State& s) {
  int alias = 2;
  for (int d = 0; d < s.dynamics; ++d) alias = std::max(alias, l.text_cost(s.dynamic[d]) + 1);
  if (s.values) alias += s.values->most_cost;
  return kBrackets + (l.keys.empty() ? 3 : 7) * l.most_cost + 2 * alias;
}
constexpr int kDeepest = 256;

struct Workspace {
  std::vector<State> state{kDeepest};
  std::vector<Memo> memo{kDeepest};
};

Workspace& workspace() {
  static thread_local Workspace space;
  return space;
}

using Bytes = std::bitset<256>;

struct Walk {
  const Language& l;
  const Trie& trie;
  uint32_t* out;
  int left;  // tokens that may follow this one, the end token not counted; -1: no matter
  Workspace& space;
  bool short_names = false;  // those that are whole tokens are in the mask already

  void at(uint32_t node, const State* state, Memo* memo, const Lexer& lexer, int depth) {
    if (depth + 1 >= kDeepest) return;
    const TrieNode& here = trie.nodes[node];
    const Reader reader{l};
    const bool known_words = nothing_but_words(*state, memo, lexer, depth);
    const Bytes going_on = known_words ? next_bytes(lexer) : Bytes();
    for (uint32_t c = here.first_child; c < here.first_child + here.children; ++c) {
      const TrieNode& child = trie.nodes[c];
      if (known_words && !child.leaves_word && word_byte(child.byte) && !going_on[lower(child.byte)])
        continue;
      Place next{state, memo, &space.state[depth], &space.memo[depth]};
      Lexer after = lexer;
      if (!reader.feed(next, after, child.byte)) continue;
      if (child.tokens && allowed(*next.state, after, *next.memo))
        for (uint32_t t = 0; t < child.tokens; ++t) {
          const int32_t id = trie.ids[child.first_token + t];
          out[id / 32] |= 1u << (id % 32);
        }
      if (child.children) at(c, next.state, next.memo, after, depth + 1);
    }
  }

  // Within a word that goes on as one of the language's words or not at all: no name of one's own
  // may stand there, or only a short one whose tokens are in the mask already.
  bool nothing_but_words(const State& s, Memo* m, const Lexer& lexer, int depth) const {
    if (lexer.mode != mWord) return false;
    const NewName fresh = Reader{l}.fresh(s, *m);
    if (fresh == kNewAlias || (fresh != kNoNew && (!short_names || depth > lexer.size + 1))) return false;
    for (int d = 0; d < s.dynamics; ++d)
      if (!std::strncmp(s.dynamic[d], lexer.text, lexer.size)) return false;
    return true;
  }

  Bytes next_bytes(const Lexer& lexer) const {
    Bytes found;
    for (int i = lexer.low; i < lexer.high; ++i)
      if (l.words[i].text.size() > lexer.size) found.set(uint8_t(l.words[i].text[lexer.size]));
    return found;
  }

  bool allowed(const State& state, const Lexer& lexer, Memo& memo) const {
    if (left < 0) return true;
    const int needed = tokens_to_end(l, state, lexer, memo);
    return needed >= 0 && needed <= left;
  }
};

}  // namespace

Cursor::Cursor(std::shared_ptr<const Language> language, int budget,
               const std::vector<std::string>* values)
    : language_(std::move(language)), budget_(budget) {
  start(state_);
  if (!values) return;
  values_ = std::make_shared<const Values>(language_->values(*values));
  state_.values = values_.get();
}

bool Cursor::may_end() const {
  return !finished_ && Reader{*language_}.may_end(state_, lexer_);
}

void Cursor::shorten(int budget) {
  if (budget < budget_) budget_ = std::min(budget_, std::max(budget, needed()));
}

int Cursor::way_out(const State& state, const Lexer& lexer) const {
  Memo& memo = workspace().memo[kDeepest - 2];
  memo.reset(*language_);
  return tokens_to_end(*language_, state, lexer, memo);
}

int Cursor::needed() const { return way_out(state_, lexer_) + 1; }

bool Cursor::roomy() const {
  if (budget_ - 2 >= bound_) return true;
  growth_ = most_growth(*language_, state_);
  bound_ = way_out(state_, lexer_) + growth_;
  return budget_ - 2 >= bound_;
}

bool Cursor::fits(const State& state, const Lexer& lexer, int left) const {
  if (roomy()) return true;
  const int needed = way_out(state, lexer);
  return needed >= 0 && needed + 1 <= left;
}

int Cursor::slack_in_text(int left) const {
  return left < 0 ? 8 : left - way_out(state_, lexer_);
}

namespace {

// Letters that the open word, or the one that may begin, can have where any name of one's own may
// stand; -1: there is none, or with `left` tokens not any.
int letters_of_name(const Language& l, const State& state, const Lexer& lexer, Memo& memo, int left) {
  if (left >= 0) {  // with one letter more the way out is as long for any letter
    Lexer longer = lexer;
    if (longer.mode == mNone) longer.size = 0;
    if (longer.size + 2 > kMostAliasBytes) return -1;
    longer.mode = mWord;
    longer.low = longer.high = 0;
    longer.text[longer.size++] = 'q';
    longer.text[longer.size++] = '_';
    const int needed = tokens_to_end(l, state, longer, memo);
    if (needed < 0 || needed + 2 > left) return -1;
  }
  const int letters = kMostAliasBytes - 1 - (lexer.mode == mWord ? lexer.size : 0);
  return letters < 2 ? -1 : letters;  // the last ones are looked at one by one
}

}  // namespace

int Cursor::free_name(Memo& memo, int left) const {
  const bool open = lexer_.mode == mWord || (lexer_.mode == mNone && lexer_.blanks < kMostBlanks);
  if (!open || Reader{*language_}.fresh(state_, memo) != kNewAlias) return -1;
  return letters_of_name(*language_, state_, lexer_, memo, left);
}

int Cursor::free_name_after_blank(Memo& memo, int left) const {
  if (lexer_.mode == mNone) return -1;
  Workspace& space = workspace();
  const Reader reader{*language_};
  Place place{&state_, &memo, &space.state[kDeepest - 1], &space.memo[kDeepest - 3]};
  Lexer lexer = lexer_;
  if (!reader.feed(place, lexer, ' ') || lexer.mode != mNone) return -1;
  if (reader.fresh(*place.state, *place.memo) != kNewAlias) return -1;
  return letters_of_name(*language_, *place.state, lexer, *place.memo, left);
}

bool Cursor::advance(int token) {
  const Vocabulary& v = language_->vocabulary;
  if (finished_ || token < 0 || token >= v.size || budget_ <= 0) return false;
  for (int32_t eos : v.eos_ids)
    if (token == eos) {
      if (!may_end()) return false;
      finished_ = true;
      --budget_;
      return true;
    }
  if (!v.usable[token] || v.text[token].empty()) return false;
  Workspace& space = workspace();
  const Reader reader{*language_};
  Place place{&state_, &space.memo[0], &space.state[0], &space.memo[1]};
  place.memo->reset(*language_);
  Lexer lexer = lexer_;
  for (char c : v.text[token])
    if (!reader.feed(place, lexer, uint8_t(c))) return false;
  if (!fits(*place.state, lexer, budget_ - 1)) return false;
  if (place.state != &state_) copy(state_, *place.state);
  lexer_ = lexer;
  --budget_;
  bound_ += growth_;
  text_ += v.text[token];
  return true;
}

bool Cursor::add_short_names(Memo& own, uint32_t* words) const {
  const Language& l = *language_;
  const Reader reader{l};
  Workspace& space = workspace();
  Place place{&state_, &own, &space.state[kDeepest - 1], &space.memo[kDeepest - 3]};
  Lexer lexer = lexer_;
  const bool ending = lexer.mode != mNone;  // a blank would end what is under way
  if (ending) {
    if (!reader.feed(place, lexer, ' ') || lexer.mode != mNone) return false;
  } else if (lexer.blanks >= kMostBlanks) {
    return false;
  }
  const NewName fresh = reader.fresh(*place.state, *place.memo);
  if (fresh != kNewQualifier && fresh != kNewShortAlias) return false;
  Mask mask = ending ? l.short_after_blank : l.short_name;
  for (int d = 0; d < place.state->dynamics; ++d)
    l.vocabulary.clear_short(mask, place.state->dynamic[d]);
  const Level& level = place.state->here();  // a name that is taken may be a column's
  for (int t = 0; t < level.tables; ++t)
    if (level.table[t].name >= 0 && level.table[t].name < kDynamic)
      l.vocabulary.clear_short(mask, l.folded[level.table[t].name]);
  for (int i = 0; i < l.vocabulary.words(); ++i) words[i] |= mask[i];
  return true;
}

int Cursor::words() const { return language_->vocabulary.words(); }

void Cursor::fill(uint32_t* words) const {
  const Language& l = *language_;
  const Vocabulary& v = l.vocabulary;
  std::memset(words, 0, sizeof(uint32_t) * v.words());
  if (finished_ || budget_ <= 0) return;
  Workspace& space = workspace();
  const int after = budget_ - 1;  // tokens left once this one is written, the end token among them
  Memo* memo = &space.memo[kDeepest - 1];
  memo->reset(l);
  Walk walk{l, v.all, words, roomy() ? -1 : after - 1, space};
  const bool in_text = lexer_.mode == mText && !lexer_.linked, in_double = lexer_.mode == mQuoted && lexer_.literal;
  const bool quick = (in_text || in_double) && !lexer_.utf8.need && lexer_.size < kLongName - 200;
  if (after < 1) {
    // only the end token fits
  } else if (const int slack = quick ? slack_in_text(walk.left) : -1; quick && (in_text || slack >= 5)) {
    // Within a text whatever holds no quote changes nothing but the text: there is room for all of
    // it, or for none.
    const Mask& mask = in_double ? v.plain_double : slack >= 3 ? v.plain_single : v.whole_single;
    for (int i = 0; slack >= 0 && i < v.words(); ++i) words[i] |= mask[i];
    const Walk quotes{l, in_text ? v.single : v.dbl, words, walk.left, space};
    Walk(quotes).at(0, &state_, memo, lexer_, 0);
  } else if (const int letters = free_name(*memo, walk.left); letters >= 0) {
    const Mask& mask = lexer_.mode == mWord ? v.go_on_name[letters] : v.begin_name[letters];
    for (int i = 0; i < v.words(); ++i) words[i] |= mask[i];
    // What ends the name, and names that begin with a blank, are walked as ever.
    const Trie& others = lexer_.mode == mWord ? v.ends_name : v.mixed;
    Walk{l, others, words, walk.left, space}.at(0, &state_, memo, lexer_, 0);
  } else if (const int letters = free_name_after_blank(*memo, walk.left); letters >= 0) {
    const Mask& mask = v.name_after_blank[letters];
    for (int i = 0; i < v.words(); ++i) words[i] |= mask[i];
    Walk{l, v.no_name_after_blank, words, walk.left, space}.at(0, &state_, memo, lexer_, 0);
  } else {
    walk.short_names = walk.left < 0 && add_short_names(*memo, words);
    walk.at(0, &state_, memo, lexer_, 0);
  }
  if (may_end())
    for (int32_t eos : v.eos_ids) words[eos / 32] |= 1u << (eos % 32);
}

}  // namespace sqlforge
