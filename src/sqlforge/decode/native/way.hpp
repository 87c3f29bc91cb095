// A policy rather than a search: at every lexeme it takes the one that closes most. What it writes
// goes through the parser itself, so a bound that it gives can be kept.
#pragma once
#include <algorithm>
#include <string>

#include "expression.hpp"
#include "keys.hpp"
#include "known_ways.hpp"
#include "query.hpp"

namespace sqlforge {

constexpr int kMostSteps = 200;

struct Way {
  const Language& l;
  State& s;
  int cost;
  bool blank_written = false;
  Way(const Language& language, State& state, int spent = 0) : l(language), s(state), cost(spent) {}

  std::string first;  // the first lexeme that it writes, lower case, if that is a word or a name

  void note(const char* text) {
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

  // Many states lead to one, and the next mask asks about it again: what a way costs is kept for
  // where it begins and for the places on it where others are likely to come by.
  int run() {
    uint64_t passed[kMostPassed];
    int16_t cost_at[kMostPassed], steps_at[kMostPassed];
    int marks = 0, frames = s.frames + 1;
    for (int i = 0;; ++i) {
      if (s.done) return keep(passed, cost_at, steps_at, marks, cost, i);
      if (marks < kMostPassed && (s.frames < frames || (s.top().kind == kQuery && s.top().at == qFromTable))) {
        frames = s.frames;
        const uint64_t key = digest(l, s, blank_written);
        const KnownWay& known = known_way(key);
        if (known.key == key) {
          const int steps = i + known.steps;
          if (steps > kMostSteps) marks = std::min(marks, 1);
          return keep(passed, cost_at, steps_at, marks,
                      known.cost < 0 || steps > kMostSteps ? -1 : cost + known.cost, steps);
        }
        passed[marks] = key, cost_at[marks] = int16_t(cost), steps_at[marks++] = int16_t(i);
      }
      if (i == kMostSteps) return keep(passed, cost_at, steps_at, std::min(marks, 1), -1, i);
      if (!step()) return keep(passed, cost_at, steps_at, marks, -1, i);
    }
  }

 private:
  static constexpr int kMostPassed = 8;

  static int keep(const uint64_t* passed, const int16_t* cost_at, const int16_t* steps_at, int marks,
                  int cost, int steps) {
    for (int m = 0; m < marks; ++m) {
      const int rest = cost < 0 ? -1 : cost - cost_at[m];
      known_way(passed[m]) = {passed[m], int16_t(rest), int16_t(steps - steps_at[m])};
    }
    return cost;
  }
};

}  // namespace sqlforge
