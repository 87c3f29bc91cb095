// The clauses of a SELECT in their order, its set operations, CTEs and derived tables.
#include "query.hpp"

#include <algorithm>

#include "core.hpp"
#include "expression.hpp"
#include "keys.hpp"

namespace sqlforge {

void start(State& s) {
  std::memset(static_cast<void*>(&s), 0, sizeof(State));
  s.qualifier_level = -1;
  open_query(s, kTop, 0);
}

bool query_room(const State& s) {
  return s.levels < kMostLevels && room(s, 4) && !(s.top().flags & fInAggregate);
}

namespace {

// SQLite takes aggregates here only of a query that aggregates anyway.
void push_order_term(State& s) {
  const uint8_t aggregates = s.here().aggregates ? fAggregates : 0;
  push_expression(s, uint8_t(aggregates | fWindows | fTerm | fBoolean | fAliases));
}

int rank(uint8_t clause) {
  switch (clause) {
    case qWhere: return 1;
    case qGroupItem: return 2;
    case qHaving: return 3;
    case qOrderItem:
    case qOrderDone:
    case qSetDone: return 4;
    case qLimitDone: return 5;
    case qOver: return 6;
    default: return 0;
  }
}

// Keywords that open a later clause of a query whose FROM is closed.
bool later_clause(State& s, uint8_t keyword, int written) {
  Frame& query = s.top();
  Level& level = s.here();
  switch (keyword) {
    case kWhere:
      if (written >= 1) return false;
      query.at = qWhere;
      push_expression(s, fBoolean);
      return true;
    case kGroup:
      if (written >= 2) return false;
      query.at = qGroup;
      level.aggregates = 255;
      return true;
    case kHaving:
      if (written != 2) return false;
      query.at = qHaving;
      push_expression(s, fAggregates | fBoolean | fAliases);
      return true;
    case kOrder:
      if (written >= 4) return false;
      query.at = qOrder;
      return true;
    case kLimit:
      if (written >= 5) return false;
      query.at = qLimit;
      return true;
    case kUnion:
    case kIntersect:
    case kExcept:
      if (written >= 4 || level.arity == 0 || level.arity > kMostItems - 1) return false;
      level.demanded = uint8_t(level.arity);
      level.compound = true;
      query.at = qSetOperator;
      query.count = keyword == kUnion;
      return true;
    default: return false;
  }
}

bool from_keyword(const Language& l, State& s, uint8_t keyword) {
  Frame& query = s.top();
  if (query.at == qFromNamed && !commit_table(l, s)) return false;
  switch (keyword) {
    case kJoin:
    case kInner:
    case kLeft:
    case kCross:
      if (!some_table_ok(l, s)) return false;
      query.a = 1;
      query.at = keyword == kJoin ? qFromTable : qJoinWord;
      query.count = keyword == kLeft;
      return true;
    case kOn:
      if (query.at == qOn || query.a != 1) return false;
      query.a = 0;
      query.at = qOn;
      push_expression(s, fBoolean);
      s.here().on = joined_by_keys(l, s.here()) ? kFirstKey : kNoKey;
      return true;
    default: return leave_from(l, s) && later_clause(s, keyword, 0);
  }
}

}  // namespace

void open_query(State& s, Entry entry, uint8_t demanded) {
  push(s, kQuery, qStart, 0);
  Level& level = s.level[s.levels++];
  std::memset(&level, 0, sizeof(Level));
  level.entry = entry;
  level.demanded = demanded;
  level.pending = kNoRelation;
  level.widest = kMostItems;
}

bool query_keyword(const Language& l, State& s, uint8_t keyword) {
  Frame& query = s.top();
  Level& level = s.here();
  switch (query.at) {
    case qStart:
      if (keyword == kWith && level.entry == kTop && s.frames == 1) return query.at = qWithName, true;
      [[fallthrough]];
    case qWithDone:
    case qSetOperator:
      if (query.at == qSetOperator && keyword == kAll && query.count) return query.count = 0, true;
      if (keyword != kSelect) return false;
      begin_core(s);
      return true;
    case qWithAs: return keyword == kAs && (query.at = qWithOpen, true);
    case qSelect:
    case qItem:
      if (keyword == kAs) {
        if (level.aliases == kMostAliases || s.dynamics == kMostDynamic) return false;
        query.at = qAlias;
        return true;
      }
      end_item(s);
      [[fallthrough]];
    case qItemDone:
      if (level.demanded && !level.star && level.items != level.demanded) return false;
      if (keyword == kFrom) {
        level.phase = kInFrom;
        query.a = 0;
        query.at = qFromTable;
        return some_table_ok(l, s);
      }
      if (keyword != kUnion && keyword != kIntersect && keyword != kExcept) return false;
      return without_from(l, s) && later_clause(s, keyword, 0);
    case qFromNamed:
      if (keyword == kAs) {
        query.at = qFromAlias;
        if (fresh_alias_ok(l, s, level.pending)) return true;
        for (int q = 0; q < level.qualifiers; ++q)
          if (alias_ok(l, s, level.pending, level.qualifier[q])) return true;
        return false;
      }
      [[fallthrough]];
    case qFromDone:
    case qOn: return from_keyword(l, s, keyword);
    case qJoinWord:
      if (keyword == kOuter && query.count) return query.count = 0, true;
      return keyword == kJoin && (query.at = qFromTable, true);
    case qGroup:
      if (keyword != kBy) return false;
      query.at = qGroupItem;
      push_expression(s, fTerm | fBoolean | fAliases);
      return true;
    case qOrder:
      if (keyword != kBy) return false;
      if (level.compound) return query.at = qSetItem, true;
      query.at = qOrderItem;
      push_order_term(s);
      return true;
    case qOrderItem:
      if (keyword == kAsc || keyword == kDesc) return query.at = qOrderDone, true;
      return later_clause(s, keyword, 4);
    case qSetDone:
      if ((keyword == kAsc || keyword == kDesc) && !query.count) return query.count = 1, true;
      return later_clause(s, keyword, 4);
    case qLimitDone:
      if (keyword == kOffset) return query.at = qOffset, true;
      return false;
    case qWhere:
    case qGroupItem:
    case qHaving:
    case qOrderDone: return later_clause(s, keyword, rank(query.at));
    default: return false;
  }
}

bool query_comma(const Language& l, State& s) {
  Frame& query = s.top();
  Level& level = s.here();
  switch (query.at) {
    case qSelect:
    case qItem:
      end_item(s);
      [[fallthrough]];
    case qItemDone:
      if (!more_items(level)) return false;
      next_item(s);
      return true;
    case qFromNamed:
    case qFromDone:
    case qOn:
      if (query.at == qFromNamed && !commit_table(l, s)) return false;
      query.at = qFromTable;
      query.a = 0;
      return some_table_ok(l, s);
    case qGroupItem: push_expression(s, fTerm | fBoolean | fAliases); return true;
    case qOrderItem:
    case qOrderDone:
      query.at = qOrderItem;
      push_order_term(s);
      return true;
    case qSetDone: query.at = qSetItem; return true;
    case qWithDone:
      if (s.relations == kMostRelations || s.dynamics + 2 > kMostDynamic) return false;
      query.at = qWithName;
      return true;
    default: return false;
  }
}

bool query_star(const Language& l, State& s) {
  Frame& query = s.frame[s.frames - 2];
  Level& level = s.here();
  if (query.at != qSelect && query.at != qItem) return false;
  if (level.demanded) {
    if (level.items || level.refs || level.qualifiers) return false;
    if (!star_adds_up(l, s, level)) return false;
  } else if (l.tables.empty()) {
    return false;
  }
  --s.frames;
  level.star = true;
  ++level.stars;
  level.item[level.items++] = {-2, false};
  s.top().at = qItemDone;
  return some_table_ok(l, s);
}

namespace {

// The columns that one more table may have, since each * has to stand for all of them.
int widest_table(const Language& l, const State& s, const Level& level) {
  if (!level.stars) return kMostItems;
  Witness rest;
  if (!satisfiable(l, s, level, &rest)) return 0;
  const bool inner = level.entry == kCte || level.entry == kDerived;
  int columns = 0;
  for (int t = 0; t < level.tables; ++t) columns += columns_of(l, s, level.table[t].relation);
  for (int t = 0; t < rest.count; ++t) columns += columns_of(l, s, rest.table[t].relation);
  const int room = inner ? level.widest - level.items : kMostColumns - kMostItems;
  return std::clamp(room / level.stars - columns, 0, kMostItems);
}

}  // namespace

bool query_opens(const Language& l, State& s) {
  Frame& query = s.top();
  Level& level = s.here();
  if (!room(s, 4) || s.levels == kMostLevels || s.relations == kMostRelations) return false;
  if (query.at == qWithOpen) {
    query.at = qWithDone;
    open_query(s, kCte, 0);
    return true;
  }
  if (query.at != qFromTable || (level.star && level.demanded)) return false;
  // Its columns are not known yet: it may not decide who owns a name that has no owner.
  for (int i = 0; i < level.refs; ++i)
    if (level.ref[i].qualifier < 0) return false;
  if (level.tables + level.qualifiers >= kMostTables - 1) return false;
  const int widest = widest_table(l, s, level);
  if (widest == 0) return false;
  query.at = qFromNamed;
  open_query(s, kDerived, 0);
  s.here().widest = uint8_t(widest);
  return true;
}

}  // namespace sqlforge
