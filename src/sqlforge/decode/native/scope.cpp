#include "scope.hpp"

#include <algorithm>

#include "keys.hpp"

namespace sqlforge {

const char* text_of(const Language& l, const State& s, Name name) {
  return name >= kDynamic ? s.dynamic[name - kDynamic] : l.folded[name].c_str();
}

Name known_name(const Language& l, const State& s, const char* text, int size) {
  const Name name = l.find(std::string(text, size));
  if (name >= 0) return name;
  for (int i = 0; i < s.dynamics; ++i)
    if (int(std::strlen(s.dynamic[i])) == size && !std::memcmp(s.dynamic[i], text, size))
      return Name(kDynamic + i);
  return -1;
}

Name add_dynamic(State& s, const char* text, int size) {
  if (s.dynamics == kMostDynamic || size >= kNameBytes) return -1;
  std::memset(s.dynamic[s.dynamics], 0, kNameBytes);
  std::memcpy(s.dynamic[s.dynamics], text, size);
  return Name(kDynamic + s.dynamics++);
}

namespace {

bool correlated(const Level& level) {
  return level.entry == kScalarQuery || level.entry == kInQuery || level.entry == kExistsQuery;
}

// Of a subquery WHERE and HAVING see what is outside: of a GROUP BY's terms SQLite sees only some.
bool reaches_out(const State& s) {
  const Frame* query = &s.top();
  while (query->kind != kQuery) --query;
  return query->at == qWhere || query->at == qHaving;
}

int owners_of(const Language& l, const State& s, const Level& level, Name column) {
  int owners = 0;
  for (int t = 0; t < level.tables; ++t) owners += has_column(l, s, level.table[t].relation, column);
  return owners;
}

int owner_of(const Language& l, const State& s, const Level& level, Name column) {
  int t = 0;
  while (!has_column(l, s, level.table[t].relation, column)) ++t;
  return t;
}

int alias_of(const Level& level, Name name) {
  for (int i = 0; i < level.aliases; ++i)
    if (level.alias[i] == name) return i;
  return -1;
}

bool alias_usable(const State& s, const Level& level, Name name) {
  const Frame& f = s.top();
  const int i = alias_of(level, name);
  if (i < 0 || !(f.flags & fAliases) || (f.flags & fInAggregate)) return false;
  const Frame* query = &f;
  while (query->kind != kQuery) --query;
  if (query->at == qGroupItem) return level.alias_flags[i] == 0;
  if (query->at == qHaving) return !(level.alias_flags[i] & kWindowed);
  return true;
}

bool has_reference(const Level& level, int qualifier, Name column) {
  for (int i = 0; i < level.refs; ++i)
    if (level.ref[i].qualifier == qualifier && level.ref[i].column == column) return true;
  return false;
}

bool add_reference(Level& level, int qualifier, Name column) {
  if (has_reference(level, qualifier, column)) return true;
  if (level.refs == kMostRefs) return false;
  level.ref[level.refs++] = {int8_t(qualifier), column};
  return true;
}

}  // namespace

bool column_ok(const Language& l, const State& s, Name column) {
  const Level& level = s.here();
  if (level.phase == kBeforeFrom) {
    if (column >= kDynamic ? s.relations == 0 : !l.is_column[column] && s.relations == 0) return false;
    if (has_reference(level, -1, column)) return true;
    if (level.refs == kMostRefs) return false;
    if (level.refs == 0 && level.stars == 0 && column < kDynamic && !l.tables_with[column].empty()) return true;
    Level trial = level;
    add_reference(trial, -1, column);
    return satisfiable(l, s, trial);
  }
  const int owners = owners_of(l, s, level, column);
  if (level.phase == kInFrom) {
    if (owners == 1 && !key_ok(l, level, owner_of(l, s, level, column), column)) return false;
    if (owners != 1 || has_reference(level, -1, column)) return owners == 1;
    if (level.refs == kMostRefs) return false;
    Level trial = level;  // a table that is still to come must not make it ambiguous
    add_reference(trial, -1, column);
    return satisfiable(l, s, trial);
  }
  if (owners) return owners == 1;
  if (alias_usable(s, level, column)) return true;
  if (s.top().flags & fInAggregate) return false;
  if (!reaches_out(s) || alias_of(level, column) >= 0) return false;  // in sight of SQLite, but not to be used here
  for (int i = s.levels - 1; i > 0 && correlated(s.level[i]); --i) {
    const Level& outer = s.level[i - 1];
    if (outer.phase != kAfterFrom) return false;
    const int found = owners_of(l, s, outer, column);
    if (found) return found == 1;
    if (alias_of(outer, column) >= 0) return false;
  }
  return false;
}

void take_column(const Language& l, State& s, Name column) {
  Level& level = s.here();
  if (level.phase == kBeforeFrom || (level.phase == kInFrom && owners_of(l, s, level, column)))
    add_reference(level, -1, column);
  if (level.on) take_key(level, owner_of(l, s, level, column), column);
}

bool names_text(const Language& l, const State& s, Name column) {
  const auto text = [&](const Instance& table) {
    return table.relation >= 0 && l.tables[table.relation].holds_text(column);
  };
  if (s.qualifier_level >= 0) {
    const Level& level = s.level[s.qualifier_level];
    return level.phase != kBeforeFrom && text(level.table[s.qualifier_index]);
  }
  for (int i = s.levels - 1; i >= 0; --i)
    if (s.level[i].phase == kBeforeFrom) return false;
    else if (owners_of(l, s, s.level[i], column))
      return text(s.level[i].table[owner_of(l, s, s.level[i], column)]);
  return false;
}

namespace {

// Of a derived table or a CTE whose columns have no names nothing can be written after the dot.
bool some_column_named(const Language& l, const State& s, int16_t relation) {
  const auto named = [](Name name) { return name >= 0; };
  if (relation < 0) {
    const Relation& r = s.relation[-1 - relation];
    return std::any_of(r.column, r.column + r.columns, named);
  }
  const std::vector<Name>& columns = l.tables[relation].columns;
  return std::any_of(columns.begin(), columns.end(), [&](Name name) { return l.is_column[name]; });
}

}  // namespace

bool qualifier_ok(const Language& l, const State& s, Name name) {
  const Level& level = s.here();
  if (level.phase == kBeforeFrom) {
    const int q = name >= 0 ? qualifier_at(level, name) : -1;
    if (q >= 0) return true;
    if (level.qualifiers == kMostQualifiers || level.refs == kMostRefs) return false;
    if (name >= 0 && name < kDynamic && l.table_of[name] < 0) {
      bool cte = false;
      for (int r = 0; r < s.relations; ++r) cte = cte || s.relation[r].name == name;
      const std::string& text = l.folded[name];  // a column's name is no table's, t1 may be
      if (!cte && !short_alias(text.data(), text.size(), true)) return false;
    }
    Level trial = level;
    trial.qualifier[trial.qualifiers++] = name >= 0 ? name : Name(kDynamic + kMostDynamic);
    return satisfiable(l, s, trial);
  }
  if (name < 0) return false;
  if (const int t = instance_at(level, name); t >= 0)
    return some_key_ok(l, level, t) && some_column_named(l, s, level.table[t].relation);
  if (level.on) return false;
  if ((s.top().flags & fInAggregate) || !reaches_out(s)) return false;
  for (int i = s.levels - 1; i > 0 && correlated(s.level[i]); --i) {
    const Level& outer = s.level[i - 1];
    if (outer.phase == kBeforeFrom) return false;
    if (const int t = instance_at(outer, name); t >= 0)
      return level.phase == kAfterFrom && some_column_named(l, s, outer.table[t].relation);
  }
  return false;
}

bool open_qualifier(const Language&, State& s, Name name) {
  Level& level = s.here();
  if (level.phase == kBeforeFrom) {
    int q = qualifier_at(level, name);
    if (q < 0) level.qualifier[q = level.qualifiers++] = name;
    s.qualifier_level = int8_t(s.levels - 1);
    s.qualifier_index = int8_t(q);
    return true;
  }
  for (int i = s.levels - 1; i >= 0; --i) {
    const int t = instance_at(s.level[i], name);
    if (t >= 0) {
      s.qualifier_level = int8_t(i);
      s.qualifier_index = int8_t(t);
      return true;
    }
  }
  return false;
}

bool qualified_ok(const Language& l, const State& s, Name column) {
  const Level& level = s.level[s.qualifier_level];
  if (level.phase != kBeforeFrom)
    return has_column(l, s, level.table[s.qualifier_index].relation, column) &&
           key_ok(l, level, s.qualifier_index, column);
  if (has_reference(level, s.qualifier_index, column)) return true;
  if (level.refs == kMostRefs) return false;
  if (column < kDynamic && !l.is_column[column] && s.relations == 0) return false;
  Level trial = level;
  add_reference(trial, s.qualifier_index, column);
  return satisfiable(l, s, trial);
}

void take_qualified(const Language&, State& s, Name column) {
  Level& level = s.level[s.qualifier_level];
  if (level.phase == kBeforeFrom) add_reference(level, s.qualifier_index, column);
  else take_key(level, s.qualifier_index, column);
  s.qualifier_level = -1;
}

bool named(const State& s, Name name) {
  for (int i = 0; i < s.levels; ++i) {
    const Level& level = s.level[i];
    for (int r = 0; r < level.refs; ++r)
      if (level.ref[r].column == name) return true;
    if (alias_of(level, name) >= 0 || qualifier_at(level, name) >= 0 || instance_at(level, name) >= 0)
      return true;
  }
  return false;
}

bool in_sight(const Language& l, const State& s, Name name) {
  if (name < 0) return false;
  if (name >= kDynamic || l.is_column[name]) return true;
  for (int i = 0; i < s.levels; ++i)
    if (alias_of(s.level[i], name) >= 0) return true;
  return false;
}

}  // namespace sqlforge
