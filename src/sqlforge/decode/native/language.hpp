// What never changes while one schema is spoken about: its names, SQL's words, what each costs.
#pragma once
#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "vocabulary.hpp"

namespace sqlforge {

using Name = int16_t;  // of the schema: 0..; of this query (aliases): kDynamic..; -1: none
constexpr Name kDynamic = 16384;

enum Keyword : uint8_t {
  kNone, kSelect, kDistinct, kFrom, kWhere, kGroup, kBy, kHaving, kOrder, kLimit, kOffset, kAs,
  kJoin, kInner, kLeft, kOuter, kCross, kOn, kAnd, kOr, kNot, kIn, kLike, kGlob, kBetween, kIs,
  kNull, kExists, kCase, kWhen, kThen, kElse, kEnd, kCast, kCollate, kNocase, kAsc, kDesc, kUnion,
  kAll, kIntersect, kExcept, kWith, kOver, kPartition, kIsnull, kNotnull, kType, kKeywords
};

enum FunctionKind : uint8_t { kScalar, kAggregate, kAggregateOrScalar, kWindow };

struct Function {
  const char* name;
  FunctionKind kind;
  uint8_t fewest, most;
};

// A word as it may be written bare: it can play several parts.
struct Word {
  std::string text;  // lower case
  uint8_t keyword = kNone;
  int16_t function = -1;
  Name name = -1;
  std::vector<uint8_t> rest{};  // tokens that write it on once so many bytes are written
};

struct Table {
  Name name;
  std::vector<Name> columns;
  std::vector<uint64_t> has, texts;  // bit per name: a column, and one that holds text
  bool holds_text(Name n) const { return column(n) && (texts[n / 64] >> (n % 64) & 1); }
  bool column(Name n) const { return n >= 0 && n < kDynamic && (has[n / 64] >> (n % 64) & 1); }
};

// Tokens that write a lexeme: with the blank before it, and where that was written already.
struct Cost {
  int spaced = 1, bare = 1;
};

using GivenColumn = std::pair<std::string, bool>;  // its name, and whether it holds text
using GivenTable = std::pair<std::string, std::vector<GivenColumn>>;

// The literals that text columns may be compared with.
struct Values {
  std::vector<std::string> texts;  // sorted, as written between quotes
  int most_cost = 0;
};

// Columns that two tables are joined by; each pair stands in both directions.
struct Key {
  int16_t table;
  Name column;
  int16_t other_table;
  Name other_column;
};

struct Language {
  const uint64_t serial;                // of no other language
  const Vocabulary& vocabulary;
  std::vector<std::string> names;       // as written in the schema
  std::vector<std::string> folded;      // lower case, for comparing
  std::vector<uint8_t> bare;            // may stand without quotes
  std::vector<uint8_t> is_column;       // of some table, and tokens can write it
  std::vector<int> table_of;            // index of the table of that name or -1
  std::vector<Cost> cost;               // of each name, quoted where needed
  std::vector<Table> tables;
  std::vector<std::vector<int16_t>> tables_with;  // by column name
  // Columns of the same tables, which are no names of tables and no short aliases, are as good as
  // one another until one is named: their class, -1 of other names.
  std::vector<int16_t> column_class;
  int classes = 0;
  bool short_names_grow = true;  // with a 1 after it a short name of the schema is a new short one
  std::vector<Key> keys;                // empty: an ON is any condition
  Mask short_name, short_after_blank;   // the vocabulary's, without those that name a table
  std::vector<Word> words;              // sorted by text
  std::vector<Name> sorted_names;       // by folded text, for quoted names
  std::unordered_map<std::string, Name> name_of;  // folded
  Cost keyword_cost[kKeywords];
  Cost one_cost;
  int most_cost = 1;  // of any name
  int most_rest = 1;  // of any word or name that is begun
  int most_opened = 0;  // tokens by which a keyword, a call or brackets put off the end

  Language(const Vocabulary& vocabulary, const std::vector<GivenTable>& tables,
           const std::vector<std::array<std::string, 4>>& keys);
  int text_cost(const std::string& text) const;
  Cost lexeme_cost(const std::string& text) const;
  Name find(const std::string& folded) const;
  bool writable(const std::string& name) const;  // some tokens write it
  static std::string quoted(const std::string& name);
  Values values(const std::vector<std::string>& given) const;  // without those no tokens write

 private:
  Name intern(const std::string& name);
  std::vector<int> rest_costs(const std::string& text) const;  // of each of its ends, as `text_cost`
  void cost_rests(Word& word) const;
  int opened_by_one_token() const;
};

extern const Function kFunctions[];
extern const int kFunctionCount;
const char* keyword_text(int keyword);
bool reserved(const std::string& folded);  // no bare name, no alias
const std::set<std::string>& reserved_words();
std::string fold(const std::string& text);

}  // namespace sqlforge
