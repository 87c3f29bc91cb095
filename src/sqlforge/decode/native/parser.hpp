// SQLite's SELECT as far as SQLForge scores it, lexeme by lexeme. Each take_… changes the state and
// says whether the lexeme may stand there; a state after `false` is not to be used.
#pragma once
#include "scope.hpp"
#include "state.hpp"

namespace sqlforge {

enum Symbol : uint8_t {
  sOpen, sClose, sComma, sStar, sArithmetic, sComparison, sEqual, sUnequal,
  sSemicolon
};

void start(State& s);
bool take_keyword(const Language& l, State& s, uint8_t keyword);
bool take_symbol(const Language& l, State& s, Symbol symbol);
bool take_call(const Language& l, State& s, int function);  // its name and (
bool take_number(const Language& l, State& s, bool whole, long value);
bool take_text(State& s);  // a quoted literal
// A name that stands alone: a column, a table, an alias; `known` is -1 if `text` is new.
bool take_name(const Language& l, State& s, Name known, const char* text, int size);
bool take_qualifier(const Language& l, State& s, Name known, const char* text, int size);
bool take_dotted(const Language& l, State& s, Name column);  // the column after T1.
bool take_dotted_star(const Language& l, State& s);

// Whether the same would be taken, without a change.
bool keyword_ok(const Language& l, const State& s, uint8_t keyword);
bool call_ok(const State& s, int function);
bool number_ok(const State& s, bool whole, long value);
bool text_ok(const State& s);
bool linked_text(const State& s);  // a literal here has to be one of the values
bool double_quoted_text_ok(const State& s);
bool name_ok(const Language& l, const State& s, Name known);  // alone or before a dot
bool lone_name_ok(const Language& l, const State& s, Name known);
bool names_possible(const State& s);  // false: neither a column nor a table nor an alias
bool may_end(const Language& l, const State& s);
bool dotted_star_ok(const Language& l, const State& s);

// What may be written that is no name yet.
enum NewName : uint8_t { kNoNew, kNewQualifier, kNewAlias, kNewShortAlias };
NewName new_name(const Language& l, const State& s);

}  // namespace sqlforge
