// Where a lexeme is open, the ways that it may go on; behind each of them `Way` goes to the end.
#include "completion.hpp"

#include <algorithm>
#include <vector>

#include "after.hpp"

namespace sqlforge {

namespace {

bool begins(const std::string& text, const Lexer& lexer) {
  return text.size() >= lexer.size && lexer.size <= sizeof(lexer.text) &&
         !text.compare(0, lexer.size, lexer.text, lexer.size);
}

void keep_least(int& best, int cost) {
  if (cost >= 0 && (best < 0 || cost < best)) best = cost;
}

// After an open word: the ways its text may go on, the shortest texts first; one that takes no more
// than `enough` ends the search.
int find_after_open_word(const Language& l, const State& state, const Lexer& lexer, Memo& memo,
                         int enough) {
  const Reader reader{l};
  int best = -1;
  const auto found_enough = [&] { return best >= 0 && best <= enough; };
  const auto consider = [&](int word) {
    const int after = after_word(l, state, memo, word);
    if (after < 0) return;
    keep_least(best, after + l.words[word].rest[lexer.size]);
  };
  const std::string& wanted = preferred(l, state, memo);
  if (begins(wanted, lexer)) {
    const auto found = std::lower_bound(l.words.begin(), l.words.end(), wanted,
                                        [](const Word& w, const std::string& t) { return w.text < t; });
    if (found != l.words.end() && found->text == wanted) consider(int(found - l.words.begin()));
  }
  if (found_enough()) return best;
  int shortest[4], some = 0;
  for (int i = lexer.low; i < lexer.high; ++i) {
    if (!reader.word_ok(state, memo, i)) continue;
    const size_t size = l.words[i].text.size();
    int at = some < 4 ? some++ : 4;
    while (at > 0 && l.words[shortest[at - 1]].text.size() > size) {
      if (at < 4) shortest[at] = shortest[at - 1];
      --at;
    }
    if (at < 4) shortest[at] = i;
  }
  for (int i = 0; i < some && !found_enough(); ++i) consider(shortest[i]);
  for (int d = 0; d < state.dynamics; ++d)
    if (begins(state.dynamic[d], lexer))
      for (const bool dotted : {false, true}) {
        const int after = after_dynamic(l, state, memo, d, dotted);
        if (after >= 0) keep_least(best, after + l.text_cost(state.dynamic[d] + lexer.size));
      }
  if (found_enough()) return best;
  const NewName fresh = reader.fresh(state, memo);
  if (fresh == kNoNew || after_fresh(l, state, memo) < 0) return best;
  if (enough >= 0 && after_fresh(l, state, memo) > enough) return best;
  for (const char* rest : {"", "1", "a", "q"}) {
    const std::string text = std::string(lexer.text, lexer.size) + rest;
    if (int(text.size()) > kMostAliasBytes || reserved(text)) continue;
    if (fresh != kNewAlias && !short_alias(text.data(), text.size(), true)) continue;
    if (known_name(l, state, text.data(), int(text.size())) >= 0) continue;
    keep_least(best, after_fresh(l, state, memo) + l.text_cost(rest));
    if (!*rest) break;  // nothing more to write is the least
  }
  return best;
}

// The tokens of a mask write the same text in many cases, with blanks before it and without.
int after_open_word(const Language& l, const State& state, const Lexer& lexer, Memo& memo, int enough) {
  int16_t& known = memo.after_open.of(lexer.text, std::min<size_t>(lexer.size, 63));
  if (known == kUnknown) known = int16_t(find_after_open_word(l, state, lexer, memo, enough));
  return known;
}

int after_open_quoted(const Language& l, const State& state, const Lexer& lexer, Memo& memo, int enough) {
  const Reader reader{l};
  int best = -1;
  const bool ended = lexer.mode == mQuotedEnd;
  const bool exact = lexer.low < lexer.high && lexer.size < kLongName &&
                     l.folded[l.sorted_names[lexer.low]].size() == lexer.size;
  const auto add = [&](int after, int cost) {
    if (after >= 0) keep_least(best, after + cost);
  };
  if (ended || lexer.literal) {
    const int quote = lexer.utf8.need + !ended;
    if (exact) add(after_name(l, state, memo, lexer.low), quote);
    else if (lexer.literal) add(after_name(l, state, memo, -1), quote);
    // One more letter, and a text that is a name by chance is none.
    if (lexer.literal && !ended) add(after_name(l, state, memo, -1), quote + 1);
  }
  const auto found_enough = [&] { return best >= 0 && best <= enough; };
  if (lexer.size >= kLongName || found_enough()) return best;
  const std::string& wanted = preferred(l, state, memo);
  std::vector<std::pair<size_t, int>> ways;
  for (int i = lexer.low; i < lexer.high; ++i)
    if (reader.quoted_ok(state, memo, i)) {
      const std::string& text = l.folded[l.sorted_names[i]];
      ways.push_back({text == wanted ? 0 : text.size(), i});
    }
  const size_t some = std::min<size_t>(ways.size(), 4);
  std::partial_sort(ways.begin(), ways.begin() + some, ways.end());
  for (size_t w = 0; w < some && !found_enough(); ++w) {
    const std::string& text = l.names[l.sorted_names[ways[w].second]];
    std::string rest = Language::quoted(text.substr(lexer.size)).substr(1);
    if (ended && (rest.size() < 2 || rest[0] != '"')) continue;
    if (ended) rest.erase(0, 1);
    add(after_name(l, state, memo, ways[w].second), l.text_cost(rest));
  }
  return best;
}

// What ends the cheapest of the values that the open text begins.
int rest_of_value(const Language& l, const State& state, const Lexer& lexer) {
  int best = -1;
  for (int i = lexer.low; i < lexer.high; ++i)
    keep_least(best, l.text_cost(state.values->texts[i].substr(lexer.size) + "'"));
  return best;
}

long value_of(const Lexer& lexer) { return lexer.number ? lexer.number : 1; }

// With an open number or operator, without what that still lacks.
int after_plain(const Language& l, const State& state, const Lexer& lexer) {
  State s = state;
  int cost = 0;
  switch (lexer.mode) {
    case mNone: return run_from(l, s, 0, lexer.blanks > 0);
    case mDot: return run_from(l, s, 0);
    case mText:
      cost = lexer.linked ? rest_of_value(l, state, lexer) : 1;
      [[fallthrough]];
    case mTextEnd: return take_text(s) ? run_from(l, s, cost) : -1;
    case mSign: cost = 1; [[fallthrough]];
    case mFraction:
    case mNumber:
      return take_number(l, s, lexer.mode != mFraction, value_of(lexer)) ? run_from(l, s, cost) : -1;
    case mOperator:
      return take_symbol(l, s, lexer.last == '|' ? sArithmetic : sComparison) ? run_from(l, s, 0) : -1;
    case mCallWait: return take_call(l, s, lexer.function) ? run_from(l, s, 1) : -1;
    default: return -1;
  }
}

}  // namespace

int tokens_to_end(const Language& l, const State& state, const Lexer& lexer, Memo& memo, int enough) {
  switch (lexer.mode) {
    case mWord: return after_open_word(l, state, lexer, memo, enough);
    case mQuoted:
    case mQuotedEnd: return after_open_quoted(l, state, lexer, memo, enough);
    case mNone:
    case mDot:
    case mText:
    case mTextEnd: {
      if (lexer.mode == mText && lexer.linked) return after_plain(l, state, lexer);
      int16_t& known = memo.after_mode[lexer.mode][lexer.mode == mNone && lexer.blanks > 0];
      if (known == kUnknown) known = int16_t(after_plain(l, state, lexer));
      return known < 0 || lexer.mode != mText ? known : known + lexer.utf8.need;
    }
    case mNumber:
    case mFraction: {  // the way out is as long whatever the number is, if it may stand there
      if (!number_ok(state, lexer.mode == mNumber, value_of(lexer))) return -1;
      int16_t& known = memo.after_mode[lexer.mode][0];
      if (known == kUnknown) known = int16_t(after_plain(l, state, lexer));
      return known < 0 ? known : known + (lexer.mode == mFraction && lexer.digits == 0);
    }
    case mOperator: {
      int16_t& known = memo.after_mode[mOperator][lexer.last == '|'];
      if (known == kUnknown) known = int16_t(after_plain(l, state, lexer));
      return known < 0 ? known : known + (lexer.last == '!' || lexer.last == '|');
    }
    default: return after_plain(l, state, lexer);
  }
}

}  // namespace sqlforge
