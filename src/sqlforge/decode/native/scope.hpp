// Which names are in sight, and whether some FROM can still give all that were used before it.
#pragma once
#include <algorithm>

#include "state.hpp"

namespace sqlforge {

inline bool has_column(const Language& l, const State& s, int16_t relation, Name column) {
  if (column < 0) return false;
  if (relation >= 0) return l.tables[relation].column(column);
  const Relation& r = s.relation[-1 - relation];
  return std::find(r.column, r.column + r.columns, column) != r.column + r.columns;
}

inline int columns_of(const Language& l, const State& s, int16_t relation) {
  return relation >= 0 ? int(l.tables[relation].columns.size()) : s.relation[-1 - relation].columns;
}

inline int qualifier_at(const Level& level, Name name) {
  for (int q = 0; q < level.qualifiers; ++q)
    if (level.qualifier[q] == name) return q;
  return -1;
}

inline int instance_at(const Level& level, Name name) {
  for (int t = 0; t < level.tables; ++t)
    if (level.table[t].name == name) return t;
  return -1;
}

const char* text_of(const Language& l, const State& s, Name name);
// The id of a name of this query or the schema; -1 if it is new.
Name known_name(const Language& l, const State& s, const char* text, int size);
Name add_dynamic(State& s, const char* text, int size);  // -1: no room

struct Witness {
  int count = 0;
  Instance table[kMostTables];
};
// Whether tables can be added to the level's own so that every reference has exactly one owner.
bool satisfiable(const Language& l, const State& s, const Level& level, Witness* witness = nullptr);
bool complete(const Language& l, const State& s, const Level& level);
// A lone * that must give a number of columns: whether tables can still give it.
bool star_adds_up(const Language& l, const State& s, const Level& level);
int star_missing(const Language& l, const State& s, const Level& level);  // columns
// Whether some of the schema's tables, at most `most`, have `columns` columns together.
bool adds_up(const Language& l, int columns, int most);

bool column_ok(const Language& l, const State& s, Name column);
void take_column(const Language& l, State& s, Name column);
bool names_text(const Language& l, const State& s, Name column);  // of the open qualifier, if any
bool qualifier_ok(const Language& l, const State& s, Name name);
// `name` may be a new alias; opens the qualifier for the column that follows.
bool open_qualifier(const Language& l, State& s, Name name);
bool qualified_ok(const Language& l, const State& s, Name column);
void take_qualified(const Language& l, State& s, Name column);

bool table_ok(const Language& l, const State& s, int16_t relation);
bool unaliased_ok(const Language& l, const State& s, int16_t relation);
bool alias_ok(const Language& l, const State& s, int16_t relation, Name alias);
bool fresh_alias_ok(const Language& l, const State& s, int16_t relation);
void add_table(State& s, int16_t relation, Name name);
bool in_sight(const Language& l, const State& s, Name name);  // any column or alias of that name
bool named(const State& s, Name name);  // already, in any part that it can play

}  // namespace sqlforge
