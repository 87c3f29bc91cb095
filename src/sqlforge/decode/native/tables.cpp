// Which tables may come next in a FROM, and under which names.
#include "scope.hpp"

namespace sqlforge {

namespace {

bool fits(const Language& l, const State& s, int16_t relation, Name name) {
  Level trial = s.here();
  if (trial.tables == kMostTables) return false;
  if (name >= 0 && instance_at(trial, name) >= 0) return false;
  const int q = name >= 0 ? qualifier_at(trial, name) : -1;
  for (int i = 0; i < trial.refs; ++i)
    if (trial.ref[i].qualifier == q && q >= 0 && !has_column(l, s, relation, trial.ref[i].column))
      return false;
  trial.table[trial.tables++] = {relation, name};
  return satisfiable(l, s, trial);
}

Name own_name(const Language& l, const State& s, int16_t relation) {
  return relation >= 0 ? l.tables[relation].name : s.relation[-1 - relation].name;
}

}  // namespace

bool unaliased_ok(const Language& l, const State& s, int16_t relation) {
  return fits(l, s, relation, own_name(l, s, relation));
}

bool fresh_alias_ok(const Language& l, const State& s, int16_t relation) {
  return s.dynamics < kMostDynamic && fits(l, s, relation, -1);
}

bool alias_ok(const Language& l, const State& s, int16_t relation, Name alias) {
  if (alias >= 0 && alias < kDynamic) {
    // Another table's name as an alias would be a riddle; a column's name is only unusual.
    const int t = l.table_of[alias];
    if (t >= 0 && t != relation) return false;
  }
  return alias < 0 ? fresh_alias_ok(l, s, relation) : fits(l, s, relation, alias);
}

bool table_ok(const Language& l, const State& s, int16_t relation) {
  const Level& level = s.here();
  if (level.tables == kMostTables) return false;
  if (level.star && level.demanded) {
    const int missing = star_missing(l, s, level) - columns_of(l, s, relation);
    if (missing != 0 && !(level.tables == 0 && adds_up(l, missing, 1))) return false;
  }
  if (unaliased_ok(l, s, relation) || fresh_alias_ok(l, s, relation)) return true;
  for (int q = 0; q < level.qualifiers; ++q)
    if (instance_at(level, level.qualifier[q]) < 0 && alias_ok(l, s, relation, level.qualifier[q]))
      return true;
  return false;
}

void add_table(State& s, int16_t relation, Name name) {
  Level& level = s.here();
  level.table[level.tables++] = {relation, name};
}

}  // namespace sqlforge
