// Names where they are taken: columns, tables, aliases, CTEs.
#include <algorithm>

#include "expression.hpp"
#include "lexemes.hpp"
#include "parser.hpp"

namespace sqlforge {

namespace {

uint8_t clause(const State& s) { return s.top().kind == kQuery ? s.top().at : uint8_t(255); }

Name intern(State& s, Name known, const char* text, int size) {
  return known >= 0 ? known : add_dynamic(s, text, size);
}

bool take_alias(State& s, Name name) {
  Level& level = s.here();
  const Name* end = level.alias + level.aliases;
  const Name* again = std::find(static_cast<const Name*>(level.alias), end, name);
  if (again == end) {
    level.alias[level.aliases] = name;
    level.alias_flags[level.aliases++] = level.item_flags;
  } else {
    level.alias_flags[again - level.alias] |= level.item_flags;
  }
  level.item[level.items++] = {name, true};
  s.top().at = qItemDone;
  return true;
}

int16_t relation_of(const Language& l, const State& s, Name name) {
  for (int r = s.relations - 1; r >= 0; --r)
    if (name >= 0 && s.relation[r].name == name && r < s.relations) return int16_t(-1 - r);
  if (name >= 0 && name < kDynamic && l.table_of[name] >= 0) return int16_t(l.table_of[name]);
  return kNoRelation;
}

// A CTE cannot be read inside itself.
bool finished(const State& s, int16_t relation) {
  if (relation >= 0) return true;
  return s.relation[-1 - relation].columns > 0;
}

bool sortable(const Level& level, Name name) {
  int found = 0;
  for (int i = 0; i < level.first_items; ++i)
    found += level.first[i].sortable && level.first[i].name == name;
  return found > 0;
}

}  // namespace

bool lone_name_ok(const Language& l, const State& s, Name known) {
  if (s.done) return false;
  if (s.qualifier_level >= 0) return known >= 0 && qualified_ok(l, s, known);
  if (wants_operand(s)) return known >= 0 && column_ok(l, s, known);
  const Level& level = s.here();
  switch (clause(s)) {
    case qFromTable: {
      const int16_t relation = relation_of(l, s, known);
      return relation != kNoRelation && finished(s, relation) && table_ok(l, s, relation);
    }
    case qFromAlias: return alias_ok(l, s, level.pending, known);
    case qFromNamed: {
      if (known < 0) return fresh_alias_ok(l, s, level.pending);
      for (int q = 0; q < level.qualifiers; ++q)
        if (level.qualifier[q] == known) return alias_ok(l, s, level.pending, known);
      const char* text = text_of(l, s, known);
      return short_alias(text, std::strlen(text), true) && alias_ok(l, s, level.pending, known);
    }
    case qAlias: return known >= 0 || s.dynamics < kMostDynamic;
    case qWithName:
      if (s.relations == kMostRelations || (known < 0 && s.dynamics == kMostDynamic)) return false;
      return relation_of(l, s, known) == kNoRelation;
    case qSetItem: return known >= 0 && sortable(level, known);
    default: return false;
  }
}

bool names_possible(const State& s) {
  if (s.done) return false;
  if (s.qualifier_level >= 0 || wants_operand(s)) return true;
  switch (clause(s)) {
    case qFromTable:
    case qFromAlias:
    case qFromNamed:
    case qAlias:
    case qWithName:
    case qSetItem: return true;
    default: return false;
  }
}

bool name_ok(const Language& l, const State& s, Name known) {
  if (lone_name_ok(l, s, known)) return true;
  return !s.done && s.qualifier_level < 0 && wants_operand(s) && qualifier_ok(l, s, known);
}

// A column of an item; alone in it, it is the item's name.
static void note_item(State& s, Name column, bool bare) {
  count_lexeme(s);
  Level& level = s.here();
  if (level.phase != kBeforeFrom || level.item_lexemes != 1) return;
  level.item_name = column;
  level.item_bare = bare;
}

bool take_name(const Language& l, State& s, Name known, const char* text, int size) {
  if (!lone_name_ok(l, s, known)) return false;
  if (s.qualifier_level >= 0) return take_dotted(l, s, known);
  if (wants_operand(s)) {
    note_item(s, known, true);
    const bool text = names_text(l, s, known);
    take_column(l, s, known);
    column_done(s, text);
    return true;
  }
  const Name name = intern(s, known, text, size);
  if (name < 0) return false;
  Level& level = s.here();
  switch (clause(s)) {
    case qFromTable:
      level.pending = relation_of(l, s, name);
      s.top().at = qFromNamed;
      return true;
    case qFromAlias:
    case qFromNamed:
      add_table(s, level.pending, name);
      level.pending = kNoRelation;
      s.top().at = qFromDone;
      return true;
    case qAlias: return take_alias(s, name);
    case qWithName:
      s.relation[s.relations].name = name;
      s.relation[s.relations++].columns = 0;
      s.top().at = qWithAs;
      return true;
    case qSetItem:
      s.top().at = qSetDone;
      s.top().count = 0;
      return true;
    default: return false;
  }
}

bool take_qualifier(const Language& l, State& s, Name known, const char* text, int size) {
  if (s.done || s.qualifier_level >= 0 || !wants_operand(s)) return false;
  if (known < 0 && !(s.here().phase == kBeforeFrom && short_alias(text, size_t(size), true))) return false;
  if (!qualifier_ok(l, s, known)) return false;
  const Name name = intern(s, known, text, size);
  return name >= 0 && open_qualifier(l, s, name);
}

bool take_dotted(const Language& l, State& s, Name column) {
  if (s.qualifier_level < 0 || column < 0 || !qualified_ok(l, s, column)) return false;
  note_item(s, column, false);
  const bool text = names_text(l, s, column);
  take_qualified(l, s, column);
  column_done(s, text);
  return true;
}

bool dotted_star_ok(const Language& l, const State& s) {
  if (s.qualifier_level != s.levels - 1 || !s.top().fresh) return false;
  const Level& level = s.here();
  const Frame& below = s.frame[s.frames - 2];
  if (level.phase != kBeforeFrom || level.demanded || below.kind != kQuery) return false;
  if (below.at != qSelect && below.at != qItem) return false;
  Level trial = level;
  ++trial.stars;
  return satisfiable(l, s, trial);
}

bool take_dotted_star(const Language& l, State& s) {
  if (!dotted_star_ok(l, s)) return false;
  Level& level = s.here();
  level.item[level.items++] = {Name(-3 - s.qualifier_index), false};
  level.star = true;
  ++level.stars;
  s.qualifier_level = -1;
  --s.frames;
  s.top().at = qItemDone;
  return true;
}

NewName new_name(const Language& l, const State& s) {
  if (s.done || s.qualifier_level >= 0 || s.dynamics >= kMostDynamic) return kNoNew;
  if (wants_operand(s))
    return s.here().phase == kBeforeFrom && qualifier_ok(l, s, -1) ? kNewQualifier : kNoNew;
  switch (clause(s)) {
    case qFromAlias:
    case qFromNamed: return fresh_alias_ok(l, s, s.here().pending) ? kNewShortAlias : kNoNew;
    case qAlias:
    case qWithName: return kNewAlias;
    default: return kNoNew;
  }
}

}  // namespace sqlforge
