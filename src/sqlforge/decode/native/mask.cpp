#include "mask.hpp"

#include <algorithm>
#include <cstring>

#include "after.hpp"
#include "walk.hpp"

namespace sqlforge {

namespace {

// By how much one token can make the way out longer: with more tokens to spare none of them is
// checked. It may begin a word or a name, whose rest is to come, and make a reference (its column,
// FROM, a table and an alias) or a pair of keys; besides it opens brackets, or begins another SELECT of
// a compound, which needs as many columns.
int most_growth(const Language& l, const State& s) {
  int alias = 2;
  for (int d = 0; d < s.dynamics; ++d) alias = std::max(alias, l.text_cost(s.dynamic[d]) + 1);
  if (s.values) alias += s.values->most_cost;
  int items = 0;
  for (int i = 0; i < s.levels; ++i)
    items = std::max(items, s.level[i].stars ? kMostItems : s.level[i].items + 1);
  const int compound = l.keyword_cost[kSelect].spaced + items * (l.keyword_cost[kNull].spaced + 1);
  const int names = std::max(l.most_cost, l.most_rest) + (l.keys.empty() ? 2 : 6) * l.most_cost;
  return std::max(l.most_opened, compound) + names + 2 * alias;
}
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

Memo& Cursor::own_memo() const {
  if (!own_.memo) own_.memo = std::make_unique<Memo>();
  if (!own_.current) own_.memo->reset(*language_);
  own_.memo->after_open.clear();  // what it knows of open words goes with the tokens that are left
  own_.current = true;
  return *own_.memo;
}

int Cursor::way_out(const State& state, const Lexer& lexer) const {
  return tokens_to_end(*language_, state, lexer, own_memo());
}

int Cursor::needed() const { return way_out(state_, lexer_) + 1; }

bool Cursor::roomy() const {
  if (budget_ - 2 >= bound_) return true;
  growth_ = most_growth(*language_, state_);
  bound_ = way_out(state_, lexer_) + growth_;
  return budget_ - 2 >= bound_;
}

bool Cursor::fits(const State& state, const Lexer& lexer, int left) const {
  const bool room = roomy();
  if (&state != &state_) own_.current = false;  // what is found out from here on is of the new one
  if (room) return true;
  const int needed = way_out(state, lexer);
  return needed >= 0 && needed + 1 <= left;
}

int Cursor::slack_in_text(Memo& memo, int left) const {
  if (left < 0) return 8;
  if (lexer_.mode == mText) return left - way_out(state_, lexer_);
  const int needed = after_name(*language_, state_, memo, -1);  // a name may be nearer to the end
  return needed < 0 ? -1 : left - needed - 1;
}

namespace {

// Letters that the open word, or the one that may begin, can have where any name of one's own may
// stand; -1: there is none, or with `left` tokens not any. It is `close` where names that are taken
// or reserved, which have to grow, may not fit.
int letters_of_name(const Language& l, const State& state, const Lexer& lexer, Memo& memo, int left,
                    bool& close) {
  close = false;
  if (left >= 0) {  // with one letter more the way out is as long for any letter
    Lexer longer = lexer;
    if (longer.mode == mNone) longer.size = 0;
    if (longer.size + 2 > kMostAliasBytes) return -1;
    longer.mode = mWord;
    longer.low = longer.high = 0;
    longer.text[longer.size++] = 'q';
    longer.text[longer.size++] = '_';
    const int needed = tokens_to_end(l, state, longer, memo);
    if (needed < 0 || needed > left) return -1;
    close = needed + 2 > left;
  }
  const int letters = kMostAliasBytes - 1 - (lexer.mode == mWord ? lexer.size : 0);
  return letters < 2 ? -1 : letters;  // the last ones are looked at one by one
}

}  // namespace

int Cursor::free_name(Memo& memo, int left, bool& close) const {
  const bool open = lexer_.mode == mWord || (lexer_.mode == mNone && lexer_.blanks < kMostBlanks);
  if (!open || Reader{*language_}.fresh(state_, memo) != kNewAlias) return -1;
  return letters_of_name(*language_, state_, lexer_, memo, left, close);
}

int Cursor::free_name_after_blank(Place& place, Lexer& lexer, int left, bool& close) const {
  if (lexer_.mode == mNone) return -1;
  const Reader reader{*language_};
  if (!reader.feed(place, lexer, ' ') || lexer.mode != mNone) return -1;
  if (reader.fresh(*place.state, *place.memo) != kNewAlias) return -1;
  return letters_of_name(*language_, *place.state, lexer, *place.memo, left, close);
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
  Place place{&state_, &own_memo(), &space.state[0], &space.memo[1]};
  Lexer lexer = lexer_;
  for (char c : v.text[token])
    if (!reader.feed(place, lexer, uint8_t(c))) return false;
  if (!fits(*place.state, lexer, budget_ - 1)) {
    own_.current = false;
    return false;
  }
  if (place.state != &state_) copy(state_, *place.state);
  lexer_ = lexer;
  --budget_;
  bound_ += growth_;
  text_ += v.text[token];
  return true;
}

namespace {

// Whichever a short new name is, it can be ended in time: one that is taken or reserved by a 1.
bool any_short_name_fits(const Language& l, const State& s, Memo& memo, int left) {
  if (!l.short_names_grow) return false;
  const int needed = after_fresh(l, s, memo);
  if (needed < 0 || needed + l.text_cost("1") > left) return false;
  for (int d = 0; d < s.dynamics; ++d) {
    const std::string text = s.dynamic[d];
    if (!short_alias(text.data(), text.size(), true)) continue;
    if (known_name(l, s, (text + "1").data(), int(text.size()) + 1) >= 0) return false;
    const std::string shorter = text.substr(0, text.size() - 1);
    if (text.back() == '1' && (reserved(shorter) || known_name(l, s, shorter.data(), int(shorter.size())) >= 0))
      return false;
  }
  return true;
}

}  // namespace

bool Cursor::add_short_names(Memo& own, uint32_t* words, int left) const {
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
  if (left >= 0 && !any_short_name_fits(l, *place.state, *place.memo, left)) return false;
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

namespace {

bool literal_fits(const Language& l, const State& s, Memo& memo, int left) {
  const int needed = after_name(l, s, memo, -1);
  return needed >= 0 && needed + 1 <= left;  // and the quote
}

}  // namespace

int Cursor::words() const { return language_->vocabulary.words(); }

void Cursor::fill(uint32_t* words) const {
  const Language& l = *language_;
  const Vocabulary& v = l.vocabulary;
  const Tries& tries = state_.values ? v.exact : v.folded;
  std::memset(words, 0, sizeof(uint32_t) * v.words());
  if (finished_ || budget_ <= 0) return;
  Workspace& space = workspace();
  const int after = budget_ - 1;  // tokens left once this one is written, the end token among them
  Memo* memo = &own_memo();
  Walk walk{l, tries.all, words, roomy() ? -1 : after - 1, space};
  const bool in_text = lexer_.mode == mText && !lexer_.linked, in_double = lexer_.mode == mQuoted && lexer_.literal;
  const bool quick = (in_text || in_double) && !lexer_.utf8.need && lexer_.size < kLongName - 200;
  bool close = false;
  Place blanked{&state_, memo, &space.state[kDeepest - 1], &space.memo[kDeepest - 3]};
  Lexer blanked_lexer = lexer_;
  if (after < 1) {
    // only the end token fits
  } else if (const int slack = quick ? slack_in_text(*memo, walk.left) : -1; quick && (in_text || slack >= 5)) {
    // Within a text whatever holds no quote changes nothing but the text: there is room for all of
    // it, or for none.
    const Mask& mask = in_double ? v.plain_double : slack >= 3 ? v.plain_single : v.whole_single;
    for (int i = 0; slack >= 0 && i < v.words(); ++i) words[i] |= mask[i];
    const Walk quotes{l, in_text ? tries.single : tries.dbl, words, walk.left, space};
    Walk(quotes).at(0, &state_, memo, lexer_, 0);
  } else if (const bool fits = quick && in_double && literal_fits(l, state_, *memo, walk.left);
             quick && in_double && !fits && lexer_.low == lexer_.high) {
    Walk{l, tries.dbl, words, walk.left, space}.at(0, &state_, memo, lexer_, 0);  // to its end, if to anything
  } else if (fits) {
    // Any whole text fits, but it may not be a name by chance.
    for (int i = 0; i < v.words(); ++i) words[i] |= v.whole_double[i];
    Walk{l, tries.not_whole_double, words, walk.left, space}.at(0, &state_, memo, lexer_, 0);
    for (int i = lexer_.low; i < lexer_.high; ++i)
      if (const std::string& name = l.folded[l.sorted_names[i]]; name.size() > lexer_.size)
        walk.again(0, state_, *memo, lexer_, name.c_str() + lexer_.size);
  } else if (const int letters = free_name(*memo, walk.left, close); letters >= 0) {
    const auto& masks = lexer_.mode == mWord ? v.go_on_name : v.begin_name;
    const Mask& mask = masks[letters + close];  // where each name is looked at, up to the last letter
    for (int i = 0; i < v.words(); ++i) words[i] |= mask[i];
    if (close) walk.taken_again(0, state_, *memo, lexer_);
    if (close && lexer_.mode == mNone) walk.taken_again_after_blank(state_, *memo, lexer_);
    // What ends the name, and names that begin with a blank, are walked as ever.
    const Trie& others = lexer_.mode == mWord ? tries.ends_name : tries.mixed;
    Walk{l, others, words, walk.left, space}.at(0, &state_, memo, lexer_, 0);
  } else if (const int letters = free_name_after_blank(blanked, blanked_lexer, walk.left, close);
             letters >= 0) {
    const Mask& mask = v.name_after_blank[letters + close];
    for (int i = 0; i < v.words(); ++i) words[i] |= mask[i];
    if (close) walk.taken_again_after_blank(*blanked.state, *blanked.memo, blanked_lexer);
    Walk{l, tries.no_name_after_blank, words, walk.left, space}.at(0, &state_, memo, lexer_, 0);
  } else {
    walk.short_names = add_short_names(*memo, words, walk.left);
    walk.begins_here = lexer_.mode == mNone;
    walk.at(0, &state_, memo, lexer_, 0);
  }
  if (may_end())
    for (int32_t eos : v.eos_ids) words[eos / 32] |= 1u << (eos % 32);
}

}  // namespace sqlforge
