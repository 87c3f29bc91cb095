// Joins along the schema's keys: an ON begins with a pair of columns that the schema joins by.
#pragma once
#include "scope.hpp"

namespace sqlforge {

// The table just joined: whether keys join it to one before it, so that its ON has to begin with some.
bool joined_by_keys(const Language& l, const Level& level);
// Whether a column of an instance may stand where the level's ON is; any may if it asks for no key.
bool key_ok(const Language& l, const Level& level, int instance, Name column);
bool some_key_ok(const Language& l, const Level& level, int instance);
void take_key(Level& level, int instance, Name column);

}  // namespace sqlforge
