// Where a lexeme is open, the ways that it may go on; behind each of them `Way` goes to the end.
#include "completion.hpp"

#include <algorithm>
#include <vector>

#include "way.hpp"

namespace sqlforge {

namespace {

// What the policy would write where the open lexeme stands: its way must stay open letter by letter.
const std::string& preferred(const Language& l, const State& state, Memo& memo) {
  if (!memo.preferred_known) {
    State s = state;
    Way way(l, s);
    memo.preferred = way.step() ? way.first : std::string();
    memo.preferred_known = true;
  }
  return memo.preferred;
}

bool begins(const std::string& text, const Lexer& lexer) {
  return text.size() >= lexer.size && lexer.size <= sizeof(lexer.text) &&
         !text.compare(0, lexer.size, lexer.text, lexer.size);
}

// The state is not to be used any more.
int run_from(const Language& l, State& s, int spent, bool blank_written = false) {
  Way way(l, s);
  way.blank_written = blank_written;
  const int cost = way.run();
  return cost < 0 ? -1 : spent + cost;
}

void keep_least(int& best, int cost) {
  if (cost >= 0 && (best < 0 || cost < best)) best = cost;
}

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

// After a name of one's own, whatever its letters: FROM repeats a qualifier, hence the longest.
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
  const auto [known, fresh] =
      memo.after_open.try_emplace(std::string(lexer.text, std::min<size_t>(lexer.size, 63)), kUnknown);
  if (fresh) known->second = int16_t(find_after_open_word(l, state, lexer, memo, enough));
  return known->second;
}

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

int after_name(const Language& l, const State& state, Memo& memo, int sorted) {
  if (memo.after_name.empty()) memo.after_name.assign(l.sorted_names.size() + 1, kUnknown);
  int16_t& known = memo.after_name[sorted + 1];
  if (known == kUnknown) {
    int16_t* const same = sorted < 0 ? nullptr : of_class(l, state, memo, l.sorted_names[sorted]);
    if (same && *same != kUnknown) return known = *same;
    int best = -1;
    keep_least(best, after_quoted_whole(l, state, sorted, 0));
    if (sorted >= 0) keep_least(best, after_quoted_whole(l, state, sorted, '.'));
    known = int16_t(best);
    if (same) *same = known;
  }
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

int tokens_after_fresh(const Language& l, const State& state, Memo& memo) {
  return after_fresh(l, state, memo);
}

int tokens_after_literal(const Language& l, const State& state, Memo& memo) {
  return after_name(l, state, memo, -1);
}

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
