#pragma once
#include "state.hpp"

namespace sqlforge {

// An item that is one lexeme may be a lone column, which has a name.
inline void count_lexeme(State& s) {
  Level& level = s.here();
  if (level.phase == kBeforeFrom && level.item_lexemes < 255) ++level.item_lexemes;
}

inline bool wants_operand(const State& s) {
  return s.top().kind == kExpression && s.top().at == wOperand;
}

}  // namespace sqlforge
