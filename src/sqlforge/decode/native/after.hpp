#pragma once
#include <string>

#include "lexer.hpp"

namespace sqlforge {

// What the policy would write where the open lexeme stands: its way must stay open letter by letter.
const std::string& preferred(const Language& l, const State& state, Memo& memo);

// Tokens to the end and those that are spent; the state is not to be used any more. Here and below -1:
// there is no way.
int run_from(const Language& l, State& s, int spent, bool blank_written = false);

int after_word(const Language& l, const State& state, Memo& memo, int word);
// After a name of one's own, whatever its letters.
int after_fresh(const Language& l, const State& state, Memo& memo);
int after_dynamic(const Language& l, const State& state, Memo& memo, int dynamic, bool dotted);
// After a quoted name, an index into `sorted_names`; -1 is a text that is no name.
int after_name(const Language& l, const State& state, Memo& memo, int sorted);

}  // namespace sqlforge
