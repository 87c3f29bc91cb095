// Where a query ends: the whole one, a subquery, a derived table or a CTE.
#include <algorithm>

#include "core.hpp"
#include "expression.hpp"
#include "query.hpp"

namespace sqlforge {

namespace {

bool finish(const Language& l, State& s) {
  Level& level = s.here();
  Frame& query = s.top();
  switch (query.at) {
    case qSelect:
    case qItem:
      end_item(s);
      [[fallthrough]];
    case qItemDone:
      if (level.demanded && level.items != level.demanded) return false;
      return without_from(l, s);
    case qFromNamed: return commit_table(l, s) && leave_from(l, s);
    case qFromDone:
    case qOn: return leave_from(l, s);
    case qWhere:
    case qGroupItem:
    case qHaving:
    case qOrderItem:
    case qOrderDone:
    case qSetDone:
    case qLimitDone:
    case qOver: return true;
    default: return false;
  }
}

}  // namespace

bool close_query(const Language& l, State& s) {
  if (s.levels < 2 || !finish(l, s)) return false;
  const Level level = s.here();
  --s.levels;
  --s.frames;
  switch (level.entry) {
    case kScalarQuery: operand_done(s); return true;
    case kInQuery:
    case kExistsQuery: return true;
    default: break;
  }
  Relation& made = s.relation[level.entry == kCte ? s.relations - 1 : s.relations++];
  if (level.entry == kDerived) made.name = -1;
  made.columns = 0;
  for (int i = 0; i < level.first_items; ++i) {
    const Name name = level.first[i].name;
    // SQLite renames a second column of a name; only the first can be meant.
    const bool again = std::find(made.column, made.column + made.columns, name) !=
                       made.column + made.columns;
    made.column[made.columns++] = again ? Name(-1) : name;
  }
  if (level.entry == kDerived) {
    s.here().pending = int16_t(-s.relations);
    return unaliased_ok(l, s, s.here().pending) || fresh_alias_ok(l, s, s.here().pending);
  }
  return true;
}

bool query_end(const Language& l, State& s) {
  if (s.done || s.levels != 1) return false;
  if (s.top().kind == kExpression) {
    if (!expression_closes(s)) return false;
    --s.frames;
  }
  if (s.top().kind != kQuery || !finish(l, s)) return false;
  s.done = true;
  return true;
}

}  // namespace sqlforge
