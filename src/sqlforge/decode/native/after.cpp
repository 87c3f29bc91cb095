// What follows a whole word, name or sign: `Way` goes to the end from there. Found out once a state.
#include "after.hpp"

#include <algorithm>

#include "way.hpp"

namespace sqlforge {

const std::string& preferred(const Language& l, const State& state, Memo& memo) {
  if (!memo.preferred_known) {
    State s = state;
    Way way(l, s);
    memo.preferred = way.step() ? way.first : std::string();
    memo.preferred_known = true;
  }
  return memo.preferred;
}

int run_from(const Language& l, State& s, int spent, bool blank_written) {
  Way way(l, s);
  way.blank_written = blank_written;
  const int cost = way.run();
  return cost < 0 ? -1 : spent + cost;
}

namespace {

// Tokens after a whole word, as the lexer ends it before `next`, `next` among them.
int after_text(const Language& l, const State& state, const std::string& text, uint8_t next) {
  if (text.empty() || text.size() > 63) return -1;
  Lexer ending;
  ending.mode = mWord;
  ending.size = uint16_t(text.size());
  std::memcpy(ending.text, text.data(), text.size());
  const auto found = std::lower_bound(l.words.begin(), l.words.end(), text,
                                      [](const Word& w, const std::string& t) { return w.text < t; });
  ending.low = uint16_t(found - l.words.begin());
  ending.high = uint16_t(ending.low + (found != l.words.end() && found->text == text));
  State s = state;
  if (!Reader{l}.finish(s, ending, next)) return -1;
  int cost = next != 0;
  if (ending.function >= 0) {
    cost += next != '(';
    if (!take_call(l, s, ending.function)) return -1;
  }
  return run_from(l, s, cost);
}

// Where the name is one of a class, what follows is looked up once for all of it.
int16_t* of_class(const Language& l, const State& state, Memo& memo, Name name) {
  const int same = Reader{l}.class_of(state, memo, name);
  if (same < 0) return nullptr;
  if (memo.after_class.empty()) memo.after_class.assign(size_t(l.classes), kUnknown);
  return &memo.after_class[size_t(same)];
}

}  // namespace

int after_word(const Language& l, const State& state, Memo& memo, int word) {
  if (memo.after_word.empty()) memo.after_word.assign(l.words.size(), kUnknown);
  int16_t& known = memo.after_word[word];
  if (known == kUnknown) {
    const Word& w = l.words[word];
    const bool name_only = w.keyword == kNone && w.function < 0;
    int16_t* const same = name_only ? of_class(l, state, memo, w.name) : nullptr;
    if (same && *same != kUnknown) return known = *same;
    int cost = after_text(l, state, w.text, w.function >= 0 && w.name < 0 ? uint8_t('(') : uint8_t(0));
    if (cost < 0 && w.name >= 0) cost = after_text(l, state, w.text, '.');
    known = int16_t(cost);
    if (same) *same = known;
  }
  return known;
}

// FROM repeats a qualifier, hence the longest.
int after_fresh(const Language& l, const State& state, Memo& memo) {
  if (memo.after_fresh == kUnknown) {
    memo.after_fresh = -1;
    const uint8_t next = new_name(l, state) == kNewQualifier ? '.' : 0;
    for (const char* text : {"zq87", "qz98", "xk76", "kx65", "jq54", "qj43"})
      if (known_name(l, state, text, int(std::strlen(text))) < 0) {
        memo.after_fresh = int16_t(after_text(l, state, text, next));
        break;
      }
  }
  return memo.after_fresh;
}

int after_dynamic(const Language& l, const State& state, Memo& memo, int dynamic, bool dotted) {
  if (memo.after_dynamic.empty()) memo.after_dynamic.assign(2 * kMostDynamic, kUnknown);
  int16_t& known = memo.after_dynamic[2 * dynamic + dotted];
  if (known == kUnknown)
    known = int16_t(after_text(l, state, state.dynamic[dynamic], dotted ? uint8_t('.') : uint8_t(0)));
  return known;
}

namespace {

// After a whole quoted name or text; `sorted` is -1 for a text that is no name.
int after_quoted_whole(const Language& l, const State& state, int sorted, uint8_t next) {
  State s = state;
  Lexer ending;
  ending.mode = mQuotedEnd;
  ending.literal = s.qualifier_level < 0 && double_quoted_text_ok(s);
  ending.low = uint16_t(std::max(sorted, 0));
  ending.high = uint16_t(sorted < 0 ? 0 : sorted + 1);
  ending.size = uint16_t(sorted < 0 ? 1 : l.folded[l.sorted_names[sorted]].size());
  if (!Reader{l}.finish(s, ending, next)) return -1;
  return run_from(l, s, next != 0);
}

}  // namespace

int after_name(const Language& l, const State& state, Memo& memo, int sorted) {
  if (memo.after_name.empty()) memo.after_name.assign(l.sorted_names.size() + 1, kUnknown);
  int16_t& known = memo.after_name[sorted + 1];
  if (known == kUnknown) {
    int16_t* const same = sorted < 0 ? nullptr : of_class(l, state, memo, l.sorted_names[sorted]);
    if (same && *same != kUnknown) return known = *same;
    const int alone = after_quoted_whole(l, state, sorted, 0);
    const int dotted = sorted < 0 ? -1 : after_quoted_whole(l, state, sorted, '.');
    known = int16_t(alone < 0 || (dotted >= 0 && dotted < alone) ? dotted : alone);
    if (same) *same = known;
  }
  return known;
}

}  // namespace sqlforge
