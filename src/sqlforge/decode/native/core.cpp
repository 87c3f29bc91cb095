// A SELECT's core: its result columns, and the tables of its FROM.
#include "core.hpp"

#include <algorithm>

#include "expression.hpp"
#include "query.hpp"

namespace sqlforge {

void begin_core(State& s) {
  Level& level = s.here();
  level.phase = kBeforeFrom;
  level.tables = level.refs = level.qualifiers = level.aliases = level.items = 0;
  level.star = false;
  level.stars = 0;
  level.aggregates = 0;
  level.arity = 0;
  level.item_lexemes = 0;
  level.item_flags = 0;
  level.item_name = -1;
  level.pending = kNoRelation;
  s.top().at = qSelect;
  push_expression(s, fAggregates | fWindows | fBoolean);
}

void next_item(State& s) {
  Level& level = s.here();
  level.item_lexemes = 0;
  level.item_flags = 0;
  level.item_name = -1;
  s.top().at = qItem;
  push_expression(s, fAggregates | fWindows | fBoolean);
}

void end_item(State& s) {
  Level& level = s.here();
  const bool lone = level.item_lexemes == 1 && level.item_name >= 0;
  level.item[level.items++] = {lone ? level.item_name : Name(-1), lone && level.item_bare};
}

bool more_items(const Level& level) {
  if (level.star && level.demanded) return false;
  // A derived table's or CTE's columns are all to be known, those of its * among them.
  if (level.stars && (level.entry == kDerived || level.entry == kCte)) return false;
  return level.items < std::min<int>(kMostItems - 1, level.widest) && (!level.demanded || level.items < level.demanded);
}

namespace {

// The core's result columns are known: counts them and keeps the first core's names.
bool end_core(const Language& l, State& s) {
  Level& level = s.here();
  int arity = 0, named = 0;
  Item out[kMostItems];
  const auto add = [&](Name name, bool sortable) {
    ++arity;
    if (named < kMostItems) out[named++] = {name, sortable};
  };
  const auto add_table = [&](int16_t relation) {
    if (relation >= 0)
      for (Name c : l.tables[relation].columns) add(l.is_column[c] ? c : Name(-1), false);
    else
      for (int c = 0; c < s.relation[-1 - relation].columns; ++c)
        add(s.relation[-1 - relation].column[c], false);
  };
  for (int i = 0; i < level.items; ++i) {
    const Name name = level.item[i].name;
    if (name == -2) {
      for (int t = 0; t < level.tables; ++t) add_table(level.table[t].relation);
    } else if (name <= -3) {
      const Name wanted = level.qualifier[-3 - name];
      for (int t = 0; t < level.tables; ++t)
        if (level.table[t].name == wanted) add_table(level.table[t].relation);
    } else {
      add(name, level.item[i].sortable);
    }
  }
  if (level.demanded && arity != level.demanded) return false;
  if (arity > kMostColumns) return false;
  level.arity = uint16_t(arity);
  level.phase = kAfterFrom;
  if (!level.compound) {
    std::copy(out, out + named, level.first);
    level.first_items = uint8_t(named);
  }
  return true;
}

}  // namespace

bool without_from(const Language& l, State& s) {
  Level& level = s.here();
  if (level.star || level.refs || level.qualifiers) return false;
  return end_core(l, s);
}

bool leave_from(const Language& l, State& s) {
  return complete(l, s, s.here()) && end_core(l, s);
}

bool some_table_ok(const Language& l, const State& s) {
  const Level& level = s.here();
  if (level.tables == kMostTables) return false;
  Witness witness;
  if (!satisfiable(l, s, level, &witness)) return false;
  if (witness.count) return true;
  for (size_t t = 0; t < l.tables.size(); ++t)
    if (table_ok(l, s, int16_t(t))) return true;
  for (int r = 0; r < s.relations; ++r)
    if (s.relation[r].name >= 0 && s.relation[r].columns && table_ok(l, s, int16_t(-1 - r)))
      return true;
  return false;
}

bool commit_table(const Language& l, State& s) {
  Level& level = s.here();
  if (!unaliased_ok(l, s, level.pending)) return false;
  const int16_t relation = level.pending;
  add_table(s, relation, relation >= 0 ? l.tables[relation].name : s.relation[-1 - relation].name);
  level.pending = kNoRelation;
  s.top().at = qFromDone;
  return true;
}

}  // namespace sqlforge
