// Where a query stands: the stack of what is open, and for each SELECT what it has named.
// Plain data of bounded size, so that a copy is a few memcpys: masks copy it at every lexeme.
#pragma once
#include <cstdint>
#include <cstring>

#include "language.hpp"

namespace sqlforge {

constexpr int kMostFrames = 36, kMostLevels = 5, kMostTables = 8, kMostRefs = 20, kMostQualifiers = 6;
constexpr int kMostAliases = 8, kMostItems = 24, kMostDynamic = 20, kMostRelations = 6;
constexpr int kNameBytes = 32;
constexpr int kMostColumns = 2000;  // of a result, as SQLite is built

// A table in FROM: `relation` >= 0 is the schema's, below that the query's own (CTE, derived).
struct Instance {
  int16_t relation;
  Name name;  // what qualifies its columns; -1: nothing does
};

struct Reference {
  int8_t qualifier;  // index into Level::qualifiers, -1: none
  Name column;
};

struct Relation {  // a CTE or a derived table
  Name name;       // of a CTE, else -1
  uint8_t columns;
  Name column[kMostItems];  // -1: cannot be named
};

enum Phase : uint8_t { kBeforeFrom, kInFrom, kAfterFrom };
enum Entry : uint8_t { kTop, kScalarQuery, kInQuery, kExistsQuery, kDerived, kCte };
// With `Language::keys` an ON begins with two columns that the schema joins by.
enum JoinKey : uint8_t { kNoKey, kFirstKey, kKeysEqual, kSecondKey };
enum AliasFlag : uint8_t { kAggregated = 1, kWindowed = 2 };

struct Item {  // a result column
  Name name;   // -1: none; -2: *; -3 - i: qualifier i and *
  bool sortable;  // a compound's ORDER BY finds it by name
};

struct Level {
  Entry entry;
  Phase phase;
  uint8_t tables, refs, qualifiers, aliases;
  uint8_t items;       // of this core so far
  uint8_t demanded;    // result columns it must have; 0: any number
  uint16_t arity;      // of the finished core; 0: unknown
  bool star, compound;
  uint8_t stars;       // items that are * or T1.*
  uint8_t aggregates;  // calls of the core, its GROUP BY among them, that make one row of many
  uint8_t item_lexemes;
  Name item_name;      // of an item that is a lone column
  bool item_bare;      // and was not qualified
  uint8_t item_flags;  // AliasFlag
  uint8_t widest;      // of a CTE or derived table: the columns that it may have
  uint8_t first_items; // of the compound's first core
  Instance table[kMostTables];
  Reference ref[kMostRefs];
  Name qualifier[kMostQualifiers];
  Name alias[kMostAliases];
  uint8_t alias_flags[kMostAliases];
  Item item[kMostItems];
  Item first[kMostItems];
  uint8_t on;          // JoinKey: what of a join's pair of keys is still to come
  int8_t on_table;     // instance and column of its first key
  Name on_column;
  int16_t pending;     // relation named in FROM, its alias still open; -32768: none
};
constexpr int16_t kNoRelation = -32768;

enum FrameKind : uint8_t { kQuery, kExpression, kParen, kCall, kCaseWhen, kCastAs, kList, kWindowSpec };

// Of a query: the clause it is in.
enum Clause : uint8_t {
  qStart, qWithName, qWithAs, qWithOpen, qWithDone, qSelect, qItem, qItemDone, qAlias, qFromTable,
  qFromNamed, qFromAlias, qFromDone, qJoinWord, qOn, qWhere, qGroup, qGroupItem, qHaving, qOrder,
  qOrderItem, qOrderDone, qSetItem, qSetDone, qSetOperator, qLimit, qLimitDone, qOffset, qOver
};
// Of an expression: what its last lexeme asks for.
enum Want : uint8_t {
  wOperand, wAfter, wNotOperator, wIs, wIsNot, wIn, wCollate, wOver, wOverOpen, wExists, wFinished
};
enum ExpressionFlag : uint8_t {
  fAggregates = 1, fWindows = 2, fInAggregate = 4, fTerm = 8, fBoolean = 16, fAliases = 32,
  fLowBound = 64, fComparing = 128
};

// Of an expression with Values: what a literal would be compared with.
enum Compared : int16_t { cNothing = -1, cTextColumn = 1, cLinked, cCompound };

struct Frame {
  FrameKind kind;
  uint8_t at;     // Clause, Want, or the frame's own position
  uint8_t flags;  // ExpressionFlag; of a call: 1 DISTINCT was written
  uint8_t fresh;  // nothing of it is written yet
  int16_t a;      // function of a call; Compared of an expression; of a list the same for its items
  uint8_t count;  // arguments begun; of an expression: 1 after a lone literal, more after more
  uint8_t may_over;
};

struct State {
  State() = default;
  State(const State& from) { *this = from; }
  State& operator=(const State& from);

  uint8_t frames, levels, dynamics, relations;
  bool done;          // a ; was written
  int8_t qualifier_level;  // where the qualifier just written belongs; -1: none open
  int8_t qualifier_index;  // its instance, or before FROM its qualifier
  const Values* values;  // nullptr: any literal will do
  Frame frame[kMostFrames];
  Level level[kMostLevels];
  Relation relation[kMostRelations];
  char dynamic[kMostDynamic][kNameBytes];  // lower case

  Frame& top() { return frame[frames - 1]; }
  const Frame& top() const { return frame[frames - 1]; }
  Level& here() { return level[levels - 1]; }
  const Level& here() const { return level[levels - 1]; }
};

// Only what is in use: the rest is written before it is read.
inline State& State::operator=(const State& from) {
  const auto part = [](void* to, const void* of, size_t bytes) { std::memcpy(to, of, bytes); };
  frames = from.frames, levels = from.levels, dynamics = from.dynamics, relations = from.relations;
  done = from.done;
  qualifier_level = from.qualifier_level, qualifier_index = from.qualifier_index;
  values = from.values;
  part(frame, from.frame, from.frames * sizeof(Frame));
  part(level, from.level, from.levels * sizeof(Level));
  part(relation, from.relation, from.relations * sizeof(Relation));
  part(dynamic, from.dynamic, size_t(from.dynamics) * kNameBytes);
  return *this;
}

inline void copy(State& to, const State& from) { to = from; }

}  // namespace sqlforge
