#include "keys.hpp"

#include <algorithm>

namespace sqlforge {

namespace {

bool joins(const Language& l, int16_t table, Name column, int16_t other, Name other_column) {
  return std::any_of(l.keys.begin(), l.keys.end(), [&](const Key& key) {
    return key.table == table && key.other_table == other && (column < 0 || key.column == column) &&
           (other_column < 0 || key.other_column == other_column);
  });
}

}  // namespace

bool joined_by_keys(const Language& l, const Level& level) {
  const int last = level.tables - 1;
  for (int i = 0; i < last; ++i)
    if (joins(l, level.table[i].relation, -1, level.table[last].relation, -1)) return true;
  return false;
}

bool key_ok(const Language& l, const Level& level, int instance, Name column) {
  if (level.on == kNoKey) return true;
  const int last = level.tables - 1;
  const int16_t relation = level.table[instance].relation;
  if (level.on == kSecondKey) {
    if (instance == level.on_table || std::max(instance, int(level.on_table)) != last) return false;
    return joins(l, level.table[level.on_table].relation, level.on_column, relation, column);
  }
  if (level.on != kFirstKey) return false;
  if (instance != last) return joins(l, relation, column, level.table[last].relation, -1);
  for (int i = 0; i < last; ++i)
    if (joins(l, relation, column, level.table[i].relation, -1)) return true;
  return false;
}

bool some_key_ok(const Language& l, const Level& level, int instance) {
  if (level.on == kNoKey) return true;
  const int16_t relation = level.table[instance].relation;
  if (relation < 0) return false;
  const auto& columns = l.tables[relation].columns;
  return std::any_of(columns.begin(), columns.end(),
                     [&](Name column) { return key_ok(l, level, instance, column); });
}

void take_key(Level& level, int instance, Name column) {
  if (level.on == kSecondKey) level.on = kNoKey;
  if (level.on != kFirstKey) return;
  level.on = kKeysEqual;
  level.on_table = int8_t(instance);
  level.on_column = column;
}

}  // namespace sqlforge
