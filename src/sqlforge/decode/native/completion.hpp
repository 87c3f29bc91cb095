// The way out: from any point a short text that ends the query, and what it costs in tokens.
#pragma once
#include "lexer.hpp"

namespace sqlforge {

// Tokens, the end token not counted, that certainly suffice; -1 is a defect: no way out. The least of
// the ways that are known, or the first of at most `enough`; a memo is asked with one such number.
int tokens_to_end(const Language& l, const State& state, const Lexer& lexer, Memo& memo,
                  int enough = -1);

}  // namespace sqlforge
