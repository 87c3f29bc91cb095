// The search for a FROM: tables that give every name used before it exactly one owner.
#include <algorithm>

#include "scope.hpp"

namespace sqlforge {

namespace {

// Looks for tables that give the references their owners: first those that are qualified, then
// the rest. `budget` bounds the search; running out of it counts as not found.
struct Search {
  const Language& l;
  const State& s;
  const Level& level;
  Name unqualified[kMostRefs];
  bool covered[kMostRefs];
  int n = 0;
  int8_t open[kMostQualifiers];
  int open_count = 0;
  int budget = 2000;
  int columns = 0;
  Witness found;

  Search(const Language& language, const State& state, const Level& at)
      : l(language), s(state), level(at) {}

  bool start() {
    for (int i = 0; i < level.refs; ++i)
      if (level.ref[i].qualifier < 0) {
        int owners = 0;
        for (int t = 0; t < level.tables; ++t)
          owners += has_column(l, s, level.table[t].relation, level.ref[i].column);
        if (owners > 1) return false;
        unqualified[n] = level.ref[i].column;
        covered[n++] = owners == 1;
      }
    for (int q = 0; q < level.qualifiers; ++q) {
      const auto bound = [&](const Instance& t) { return t.name == level.qualifier[q]; };
      if (std::none_of(level.table, level.table + level.tables, bound)) open[open_count++] = int8_t(q);
    }
    if (level.tables + open_count > kMostTables) return false;
    for (int t = 0; t < level.tables; ++t) columns += columns_of(l, s, level.table[t].relation);
    if (too_wide()) return false;
    return assign(0);
  }

  // What * stands for must fit into a result; of a CTE or derived table every name must be known.
  bool too_wide() const {
    const bool inner = level.entry == kCte || level.entry == kDerived;
    return level.stars && columns * level.stars + (inner ? level.items : kMostItems) >
                              (inner ? level.widest : kMostColumns);
  }

  bool serves(int q, int16_t relation) const {
    for (int i = 0; i < level.refs; ++i)
      if (level.ref[i].qualifier == q && !has_column(l, s, relation, level.ref[i].column)) return false;
    if (relation >= 0) return true;
    const Relation& r = s.relation[-1 - relation];  // something of it must have a name
    return std::any_of(r.column, r.column + r.columns, [](Name name) { return name >= 0; });
  }

  // Marks what the table owns; false if one of the names had an owner already.
  bool put(int16_t relation, uint32_t& marked) {
    marked = 0;
    for (int i = 0; i < n; ++i)
      if (has_column(l, s, relation, unqualified[i])) {
        if (covered[i]) return unput(marked), false;
        covered[i] = true;
        marked |= 1u << i;
      }
    return true;
  }
  void unput(uint32_t marked) {
    for (int i = 0; i < n; ++i)
      if (marked >> i & 1) covered[i] = false;
  }

  bool with(int16_t relation, Name name, int next) {
    if (--budget < 0 || level.tables + found.count >= kMostTables) return false;
    uint32_t marked;
    if (!put(relation, marked)) return false;
    columns += columns_of(l, s, relation);
    found.table[found.count++] = {relation, name};
    if (!too_wide() && assign(next)) return true;
    --found.count;
    columns -= columns_of(l, s, relation);
    unput(marked);
    return false;
  }

  bool assign(int i) {
    if (i < open_count) {
      const int q = open[i];
      const Name name = level.qualifier[q];
      if (name < kDynamic && l.table_of[name] >= 0)  // a table's name stands for that table
        return serves(q, int16_t(l.table_of[name])) && with(int16_t(l.table_of[name]), name, i + 1);
      for (int r = 0; r < s.relations; ++r)
        if (s.relation[r].name == name && s.relation[r].columns)
          return serves(q, int16_t(-1 - r)) && with(int16_t(-1 - r), name, i + 1);
      Name some = -1;
      for (int r = 0; r < level.refs && some < 0; ++r)
        if (level.ref[r].qualifier == q) some = level.ref[r].column;
      if (some >= 0 && some < kDynamic) {
        for (int16_t t : l.tables_with[some])
          if (serves(q, t) && with(t, name, i + 1)) return true;
      } else if (some < 0) {
        for (size_t t = 0; t < l.tables.size(); ++t)
          if (with(int16_t(t), name, i + 1)) return true;
      }
      for (int r = 0; r < s.relations; ++r)
        if (named(r) && serves(q, int16_t(-1 - r)) && with(int16_t(-1 - r), name, i + 1))
          return true;
      return false;
    }
    int next = 0;
    while (next < n && covered[next]) ++next;
    if (next == n) return true;
    const Name column = unqualified[next];
    if (column < kDynamic)
      for (int16_t t : l.tables_with[column])
        if (nameable(l.tables[t].name) && with(t, l.tables[t].name, i)) return true;
    for (int r = 0; r < s.relations; ++r)
      if (named(r) && nameable(s.relation[r].name) &&
          has_column(l, s, int16_t(-1 - r), column) && with(int16_t(-1 - r), s.relation[r].name, i))
        return true;
    return false;
  }

  // A CTE whose body is closed.
  bool named(int r) const { return s.relation[r].name >= 0 && s.relation[r].columns; }

  // A table may stand under its own name once, and not where a CTE has taken the name.
  bool nameable(Name name) const {
    for (int t = 0; t < level.tables; ++t)
      if (level.table[t].name == name) return false;
    for (int t = 0; t < found.count; ++t)
      if (found.table[t].name == name) return false;
    return true;
  }
};

}  // namespace

bool satisfiable(const Language& l, const State& s, const Level& level, Witness* witness) {
  Search search(l, s, level);
  const bool found = search.start();
  if (found && witness) *witness = search.found;
  return found;
}

bool adds_up(const Language& l, int columns, int most) {
  if (columns == 0) return true;
  if (columns < 0 || most == 0) return false;
  for (const Table& t : l.tables)
    if (adds_up(l, columns - int(t.columns.size()), most - 1)) return true;
  return false;
}

int star_missing(const Language& l, const State& s, const Level& level) {
  int missing = level.demanded;
  for (int t = 0; t < level.tables; ++t) missing -= columns_of(l, s, level.table[t].relation);
  return missing;
}

bool complete(const Language& l, const State& s, const Level& level) {
  if (level.star && level.demanded && star_missing(l, s, level) != 0) return false;
  Witness witness;
  return satisfiable(l, s, level, &witness) && witness.count == 0;
}

bool star_adds_up(const Language& l, const State& s, const Level& level) {
  const int missing = star_missing(l, s, level);
  return missing == 0 || adds_up(l, missing, level.tables ? 1 : 2);
}

}  // namespace sqlforge
