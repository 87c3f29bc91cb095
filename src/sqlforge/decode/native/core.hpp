#pragma once
#include "state.hpp"

namespace sqlforge {

void begin_core(State& s);  // after SELECT
void next_item(State& s);
void end_item(State& s);
bool more_items(const Level& level);
bool without_from(const Language& l, State& s);  // the core ends, and has no FROM
bool leave_from(const Language& l, State& s);

}  // namespace sqlforge
