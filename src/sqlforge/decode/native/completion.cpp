// A policy rather than a search: at every lexeme it takes the one that closes most. What it writes
// goes through the parser itself, so a bound that it gives can be kept.
#include "completion.hpp"

#include <algorithm>

#include "expression.hpp"
#include "keys.hpp"
#include "query.hpp"

namespace sqlforge {

namespace {

constexpr int kMostSteps = 200;

struct Way {
  const Language& l;
  State& s;
  int cost;
  bool blank_written = false;
  Way(const Language& language, State& state, int spent = 0) : l(language), s(state), cost(spent) {}

  std::string first;  // the first lexeme that it writes, lower case, if that is a word or a name

  void note(const std::string& text) {
    if (first.empty()) first = text;
  }
  void pay(const Cost& lexeme) {
    cost += blank_written ? lexeme.bare : lexeme.spaced;
    blank_written = false;
  }
  bool keyword(uint8_t k) {
    note(keyword_text(k));
    pay(l.keyword_cost[k]);
    return take_keyword(l, s, k);
  }
  bool symbol(Symbol k) {
    ++cost;
    note("(");
    blank_written = false;
    return take_symbol(l, s, k);
  }
  bool name(Name n) {
    note(text_of(l, s, n));
    pay(n < kDynamic ? l.cost[n] : l.lexeme_cost(text_of(l, s, n)));
    return take_name(l, s, n, text_of(l, s, n), int(std::strlen(text_of(l, s, n))));
  }
  bool new_alias() {
    for (const char* text : {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "m"}) {
      const Name known = known_name(l, s, text, 1);
      if (known >= 0 || !lone_name_ok(l, s, -1)) continue;
      pay(l.lexeme_cost(text));
      return take_name(l, s, -1, text, 1);
    }
    for (int d = 0; d < s.dynamics; ++d)
      if (lone_name_ok(l, s, Name(kDynamic + d))) return name(Name(kDynamic + d));
    for (char first = 'a'; first <= 'z'; ++first) {
      const char text[3] = {first, 'q', 0};
      if (known_name(l, s, text, 2) >= 0 || !lone_name_ok(l, s, -1)) continue;
      pay(l.lexeme_cost(text));
      return take_name(l, s, -1, text, 2);
    }
    return false;
  }

  bool column_of_open_qualifier() {
    const Level& level = s.level[s.qualifier_level];
    if (level.phase == kBeforeFrom) {
      for (int i = 0; i < level.refs; ++i)
        if (level.ref[i].qualifier == s.qualifier_index) return dotted(level.ref[i].column);
      for (size_t n = 0; n < l.names.size(); ++n)
        if (l.is_column[n] && qualified_ok(l, s, Name(n))) return dotted(Name(n));
    } else {
      const int16_t relation = level.table[s.qualifier_index].relation;
      if (relation >= 0)
        for (Name c : l.tables[relation].columns)
          if (l.is_column[c] && qualified_ok(l, s, c)) return dotted(c);
      if (relation >= 0) return false;  // the language has no such table
      const Relation& r = s.relation[-1 - relation];
      for (int i = 0; i < r.columns; ++i)
        if (r.column[i] >= 0) return dotted(r.column[i]);
    }
    return dotted_star_ok(l, s) && (++cost, take_dotted_star(l, s));
  }
  bool dotted(Name n) {
    note(text_of(l, s, n));
    cost += n < kDynamic ? l.cost[n].bare : l.text_cost(text_of(l, s, n));
    return take_dotted(l, s, n);
  }

  bool join_key() {
    const Level& level = s.here();
    for (int t = 0; t < level.tables; ++t) {
      const Name owner = level.table[t].name;
      if (owner < 0 || !some_key_ok(l, level, t)) continue;
      const char* text = text_of(l, s, owner);
      note(text);
      pay(owner < kDynamic ? l.cost[owner] : l.lexeme_cost(text));
      ++cost;  // the dot
      return take_qualifier(l, s, owner, text, int(std::strlen(text)));
    }
    return false;
  }

  bool table() {
    Witness witness;
    if (!satisfiable(l, s, s.here(), &witness)) return false;
    if (witness.count) {
      const int16_t r = witness.table[0].relation;
      return name(r >= 0 ? l.tables[r].name : s.relation[-1 - r].name);
    }
    for (size_t t = 0; t < l.tables.size(); ++t)
      if (table_ok(l, s, int16_t(t))) return name(l.tables[t].name);
    for (int r = 0; r < s.relations; ++r)
      if (s.relation[r].columns && s.relation[r].name >= 0 && table_ok(l, s, int16_t(-1 - r)))
        return name(s.relation[r].name);
    return false;
  }

  bool end() { return s.levels > 1 ? symbol(sClose) : query_end(l, s); }  // the ; is not written

  bool query_step() {
    const Frame& f = s.frame[s.frames - 1].kind == kQuery ? s.top() : s.frame[s.frames - 2];
    const Level& level = s.here();
    switch (f.at) {
      case qStart:
      case qWithDone:
      case qSetOperator: return keyword(kSelect);
      case qWithName:
      case qAlias: return new_alias();
      case qWithAs: return keyword(kAs);
      case qWithOpen: return symbol(sOpen);
      case qSelect:
      case qItem:
      case qItemDone: {
        const int items = level.items + (f.at != qItemDone);
        if (level.demanded && !level.star && items < level.demanded) return symbol(sComma);
        if (level.star || level.refs || level.qualifiers) return keyword(kFrom);
        return end();
      }
      case qFromTable: return table();
      case qFromNamed:
        for (int q = 0; q < level.qualifiers; ++q) {
          const Name wanted = level.qualifier[q];
          const bool bound = std::any_of(level.table, level.table + level.tables,
                                         [&](const Instance& t) { return t.name == wanted; });
          const bool own = level.pending >= 0 && l.tables[level.pending].name == wanted;
          if (!bound && !own && alias_ok(l, s, level.pending, wanted)) return keyword(kAs);
        }
        if (!unaliased_ok(l, s, level.pending)) return keyword(kAs);
        {
          State trial = s;
          if (commit_table(l, trial) && complete(l, trial, trial.here())) return end();
        }
        return symbol(sComma);
      case qFromAlias:
        for (int q = 0; q < level.qualifiers; ++q) {
          const Name wanted = level.qualifier[q];
          const bool bound = std::any_of(level.table, level.table + level.tables,
                                         [&](const Instance& t) { return t.name == wanted; });
          if (!bound && alias_ok(l, s, level.pending, wanted)) return name(wanted);
        }
        return new_alias();
      case qFromDone:
      case qOn: return complete(l, s, level) ? end() : symbol(sComma);
      case qJoinWord: return keyword(kJoin);
      case qGroup:
      case qOrder: return keyword(kBy);
      case qSetItem:
      case qLimit:
      case qOffset: pay(l.one_cost); return take_number(l, s, true, 1);
      default: return end();
    }
  }

  bool closing_step() {
    const Frame& f = s.frame[s.frames - 2];
    switch (f.kind) {
      case kCall: return symbol(f.count < arguments(f) ? sComma : sClose);
      case kCaseWhen: return keyword(f.at == 0 ? kWhen : f.at == 1 ? kThen : kEnd);
      case kCastAs: return keyword(kAs);
      case kQuery: return query_step();
      default: return symbol(sClose);
    }
  }
  static int arguments(const Frame& call) {
    const Function& fn = kFunctions[call.a];
    return fn.kind == kAggregateOrScalar && !call.may_over ? 2 : fn.fewest;
  }

  bool step() {
    if (s.qualifier_level >= 0) return column_of_open_qualifier();
    const Frame& f = s.top();
    if (f.kind == kQuery) return query_step();
    if (f.kind == kExpression) {
      switch (f.at) {
        case wOperand: return s.here().on ? join_key() : keyword(kNull);
        case wNotOperator: return keyword(kLike);
        case wIs:
        case wIsNot: return keyword(kNull);
        case wIn:
        case wOverOpen:
        case wExists: return symbol(sOpen);
        case wCollate: return keyword(kNocase);
        case wOver: return keyword(kOver);
        default:
          if (s.here().on) return symbol(sEqual);
          if (f.flags & fLowBound) return keyword(kAnd);
          return closing_step();
      }
    }
    if (f.kind == kCastAs) return f.at == 0 ? symbol(sOpen) : f.at == 2 ? keyword(kType) : symbol(sClose);
    if (f.kind == kWindowSpec && f.at >= 4) return keyword(kBy);
    return symbol(sClose);
  }

  int run() {
    for (int i = 0; i < kMostSteps; ++i) {
      if (s.done) return cost;
      if (!step()) return -1;
    }
    return -1;
  }
};

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

int run_from(const Language& l, const State& state, int spent) {
  State s = state;
  Way way(l, s, spent);
  return way.run();
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

int after_word(const Language& l, const State& state, Memo& memo, int word) {
  if (memo.after_word.empty()) memo.after_word.assign(l.words.size(), kUnknown);
  int16_t& known = memo.after_word[word];
  if (known == kUnknown) {
    const Word& w = l.words[word];
    int cost = after_text(l, state, w.text, w.function >= 0 && w.name < 0 ? uint8_t('(') : uint8_t(0));
    if (cost < 0 && w.name >= 0) cost = after_text(l, state, w.text, '.');
    known = int16_t(cost);
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

// After an open word: the ways its text may go on, the shortest texts first.
int find_after_open_word(const Language& l, const State& state, const Lexer& lexer, Memo& memo) {
  const Reader reader{l};
  int best = -1;
  const auto consider = [&](int word) {
    const int after = after_word(l, state, memo, word);
    if (after >= 0) keep_least(best, after + l.rest_cost(l.words[word], lexer.size));
  };
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
  for (int i = 0; i < some; ++i) consider(shortest[i]);
  const std::string& wanted = preferred(l, state, memo);
  if (begins(wanted, lexer)) {
    const auto found = std::lower_bound(l.words.begin(), l.words.end(), wanted,
                                        [](const Word& w, const std::string& t) { return w.text < t; });
    if (found != l.words.end() && found->text == wanted) consider(int(found - l.words.begin()));
  }
  for (int d = 0; d < state.dynamics; ++d)
    if (begins(state.dynamic[d], lexer))
      for (const bool dotted : {false, true}) {
        const int after = after_dynamic(l, state, memo, d, dotted);
        if (after >= 0) keep_least(best, after + l.text_cost(state.dynamic[d] + lexer.size));
      }
  const NewName fresh = reader.fresh(state, memo);
  if (fresh == kNoNew || after_fresh(l, state, memo) < 0) return best;
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
int after_open_word(const Language& l, const State& state, const Lexer& lexer, Memo& memo) {
  const auto [known, fresh] =
      memo.after_open.try_emplace(std::string(lexer.text, std::min<size_t>(lexer.size, 63)), kUnknown);
  if (fresh) known->second = int16_t(find_after_open_word(l, state, lexer, memo));
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
    int best = -1;
    keep_least(best, after_quoted_whole(l, state, sorted, 0));
    if (sorted >= 0) keep_least(best, after_quoted_whole(l, state, sorted, '.'));
    known = int16_t(best);
  }
  return known;
}

int after_open_quoted(const Language& l, const State& state, const Lexer& lexer, Memo& memo) {
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
  if (lexer.size >= kLongName) return best;
  const std::string& wanted = preferred(l, state, memo);
  std::vector<std::pair<size_t, int>> ways;
  for (int i = lexer.low; i < lexer.high; ++i)
    if (reader.quoted_ok(state, memo, i)) {
      const std::string& text = l.folded[l.sorted_names[i]];
      ways.push_back({text == wanted ? 0 : text.size(), i});
    }
  const size_t some = std::min<size_t>(ways.size(), 4);
  std::partial_sort(ways.begin(), ways.begin() + some, ways.end());
  for (size_t w = 0; w < some; ++w) {
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

int after_plain(const Language& l, const State& state, const Lexer& lexer) {
  State s = state;
  Way way(l, s);
  switch (lexer.mode) {
    case mNone:
      way.blank_written = lexer.blanks > 0;
      return way.run();
    case mDot: return way.run();
    case mText:
      way.cost = lexer.linked ? rest_of_value(l, state, lexer) : 1;
      [[fallthrough]];
    case mTextEnd: return take_text(s) ? way.run() : -1;
    case mSign:
    case mFraction: way.cost = lexer.digits == 0 || lexer.mode == mSign; [[fallthrough]];
    case mNumber:
      return take_number(l, s, lexer.mode != mFraction, lexer.number ? lexer.number : 1) ? way.run() : -1;
    case mOperator:
      way.cost = lexer.last == '!' || lexer.last == '|';
      return take_symbol(l, s, lexer.last == '|' ? sArithmetic : sComparison) ? way.run() : -1;
    case mCallWait: way.cost = 1; return take_call(l, s, lexer.function) ? way.run() : -1;
    default: return -1;
  }
}

}  // namespace

int tokens_to_end(const Language& l, const State& state, const Lexer& lexer, Memo& memo) {
  switch (lexer.mode) {
    case mWord: return after_open_word(l, state, lexer, memo);
    case mQuoted:
    case mQuotedEnd: return after_open_quoted(l, state, lexer, memo);
    case mNone:
    case mDot:
    case mText:
    case mTextEnd: {
      if (lexer.mode == mText && lexer.linked) return after_plain(l, state, lexer);
      int16_t& known = memo.after_mode[lexer.mode][lexer.mode == mNone && lexer.blanks > 0];
      if (known == kUnknown) known = int16_t(after_plain(l, state, lexer));
      return known < 0 || lexer.mode != mText ? known : known + lexer.utf8.need;
    }
    default: return after_plain(l, state, lexer);
  }
}

}  // namespace sqlforge
