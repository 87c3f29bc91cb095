#include "known_ways.hpp"

#include <cstddef>

#include "digest.hpp"

namespace sqlforge {

namespace {

void add_level(Digest& d, const Level& level) {
  d.add(&level, offsetof(Level, table));
  d.add(level.table, level.tables * sizeof(Instance));
  d.add(level.ref, level.refs * sizeof(Reference));
  d.add(level.qualifier, level.qualifiers * sizeof(Name));
  d.add(level.alias, level.aliases * sizeof(Name));
  d.add(level.alias_flags, level.aliases);
  d.add(level.item, level.items * sizeof(Item));
  d.add(level.first, level.first_items * sizeof(Item));
  d.add(&level.on, sizeof(Level) - offsetof(Level, on));
}

}  // namespace

uint64_t digest(const Language& l, const State& s, bool blank_written) {
  Digest d{l.serial};
  const uint8_t head[8] = {s.frames, s.levels, s.dynamics, s.relations, s.done,
                           uint8_t(s.qualifier_level), uint8_t(s.qualifier_index), blank_written};
  d.add(head, sizeof(head));
  d.add(s.frame, s.frames * sizeof(Frame));
  for (int i = 0; i < s.levels; ++i) add_level(d, s.level[i]);
  d.add(s.relation, s.relations * sizeof(Relation));
  for (int i = 0; i < s.dynamics; ++i) d.add(s.dynamic[i], kNameBytes);
  return d.sum();
}

}  // namespace sqlforge
