// A policy rather than a search: at every lexeme it takes the one that closes most. What it writes
// goes through the parser itself, so a bound that it gives can be kept.
#include "completion.hpp"

#include <algorithm>

#include "expression.hpp"
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
      if (relation >= 0) return dotted(l.tables[relation].columns[0]);
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
        case wOperand:
          return keyword(kNull);
        case wNotOperator: return keyword(kLike);
        case wIs:
        case wIsNot: return keyword(kNull);
        case wIn:
        case wOverOpen:
        case wExists: return symbol(sOpen);
        case wCollate: return keyword(kNocase);
        case wOver: return keyword(kOver);
        default:
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
std::string preferred(const Language& l, const State& state) {
  State s = state;
  Way way(l, s);
  return way.step() ? way.first : std::string();
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

// After an open word: the ways its text may go on, cheapest first.
int after_word(const Language& l, const State& state, const Lexer& lexer) {
  const Reader reader{l};
  int best = -1;
  const auto consider = [&](const std::string& rest, uint8_t next) {
    State s = state;
    Lexer ending = lexer;
    for (char c : rest) {
      if (ending.size >= 63) return;
      const auto old = ending.size;
      ending.text[old] = c;
      ++ending.size;
    }
    // The range is found again: the words that equal the text.
    const std::string text(ending.text, ending.size);
    const auto found = std::lower_bound(l.words.begin(), l.words.end(), text,
                                        [](const Word& w, const std::string& t) { return w.text < t; });
    ending.low = uint16_t(found - l.words.begin());
    ending.high = uint16_t(ending.low + (found != l.words.end() && found->text == text));
    ending.function = -1;
    if (!reader.finish(s, ending, next)) return;
    int cost = l.text_cost(rest) + (next != 0);
    if (ending.function >= 0) {
      if (next != '(') ++cost;
      if (!take_call(l, s, ending.function)) return;
    }
    cost = run_from(l, s, cost);
    if (cost >= 0 && (best < 0 || cost < best)) best = cost;
  };
  Memo memo;
  memo.reset(l);
  std::vector<std::pair<size_t, int>> ways;
  for (int i = lexer.low; i < lexer.high; ++i)
    if (reader.word_ok(state, memo, i)) ways.push_back({l.words[i].text.size(), i});
  const size_t some = std::min<size_t>(ways.size(), 4);
  std::partial_sort(ways.begin(), ways.begin() + some, ways.end());
  for (size_t i = 0; i < some; ++i) {
    const std::string rest = l.words[ways[i].second].text.substr(lexer.size);
    const Word& word = l.words[ways[i].second];
    consider(rest, word.function >= 0 && word.name < 0 ? uint8_t('(') : uint8_t(0));
    if (word.name >= 0 && best < 0) consider(rest, '.');
  }
  const std::string wanted = preferred(l, state);
  if (begins(wanted, lexer)) consider(wanted.substr(lexer.size), 0);
  for (int d = 0; d < state.dynamics; ++d)
    if (begins(state.dynamic[d], lexer))
      for (uint8_t next : {uint8_t(0), uint8_t('.')}) consider(state.dynamic[d] + lexer.size, next);
  const NewName fresh = new_name(l, state);
  if (fresh != kNoNew)
    for (const char* rest : {"", "1", "a", "q"})
      consider(rest, fresh == kNewQualifier ? uint8_t('.') : uint8_t(0));
  return best;
}

int after_quoted(const Language& l, const State& state, const Lexer& lexer) {
  const Reader reader{l};
  int best = -1;
  const auto consider = [&](int low, int high, int size, int cost, uint8_t next) {
    State s = state;
    Lexer ending = lexer;
    ending.mode = mQuotedEnd;
    ending.low = uint16_t(low), ending.high = uint16_t(high), ending.size = uint16_t(size);
    ending.function = -1;
    if (!reader.finish(s, ending, next)) return;
    cost = run_from(l, s, cost + (next != 0));
    if (cost >= 0 && (best < 0 || cost < best)) best = cost;
  };
  Memo memo;
  memo.reset(l);
  const int missing = lexer.mode == mQuotedEnd ? 0 : 1;
  if (lexer.mode == mQuotedEnd || lexer.literal) {
    for (uint8_t next : {uint8_t(0), uint8_t('.')})
      consider(lexer.low, lexer.high, lexer.size, lexer.utf8.need + missing, next);
    // One more letter, and a text that is a name by chance is none.
    if (lexer.literal && lexer.mode == mQuoted)
      consider(0, 0, std::min(kLongName, lexer.size + 1), lexer.utf8.need + 2, 0);
  }
  if (lexer.size < kLongName) {
    std::vector<std::pair<size_t, int>> ways;
    for (int i = lexer.low; i < lexer.high; ++i)
      if (reader.quoted_ok(state, memo, i))
        ways.push_back({l.folded[l.sorted_names[i]].size(), i});
    const std::string wanted = preferred(l, state);
    for (auto& way : ways)
      if (l.folded[l.sorted_names[way.second]] == wanted) way.first = 0;
    const size_t some = std::min<size_t>(ways.size(), 4);
    std::partial_sort(ways.begin(), ways.begin() + some, ways.end());
    for (size_t w = 0; w < some; ++w) {
      const std::string& text = l.names[l.sorted_names[ways[w].second]];
      std::string rest;
      for (char c : text.substr(lexer.size)) rest += c == '"' ? std::string("\"\"") : std::string(1, c);
      if (lexer.mode == mQuotedEnd && !rest.empty() && rest[0] == '"') rest.erase(0, 1);
      else if (lexer.mode == mQuotedEnd) continue;
      for (uint8_t next : {uint8_t(0), uint8_t('.')})
        consider(ways[w].second, ways[w].second + 1, int(text.size()), l.text_cost(rest + "\""), next);
    }
  }
  return best;
}

}  // namespace

int tokens_to_end(const Language& l, const State& state, const Lexer& lexer) {
  State s = state;
  Way way(l, s);
  switch (lexer.mode) {
    case mNone:
      way.blank_written = lexer.blanks > 0;
      return way.run();
    case mDot: return way.run();
    case mWord: return after_word(l, state, lexer);
    case mQuoted:
    case mQuotedEnd: return after_quoted(l, state, lexer);
    case mText: way.cost = lexer.utf8.need + 1; [[fallthrough]];
    case mTextEnd: return take_text(s) ? way.run() : -1;
    case mSign:
    case mFraction: way.cost = lexer.digits == 0 || lexer.mode == mSign; [[fallthrough]];
    case mNumber:
      return take_number(l, s, lexer.mode != mFraction, lexer.number ? lexer.number : 1) ? way.run() : -1;
    case mOperator: {
      const bool second = lexer.last == '!' || lexer.last == '|';
      way.cost = second;
      return take_symbol(l, s, lexer.last == '|' ? sArithmetic : sComparison) ? way.run() : -1;
    }
    case mCallWait: way.cost = 1; return take_call(l, s, lexer.function) ? way.run() : -1;
  }
  return -1;
}

}  // namespace sqlforge
