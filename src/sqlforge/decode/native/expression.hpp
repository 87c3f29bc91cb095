#pragma once
#include "parser.hpp"

namespace sqlforge {

// Of an expression's flags what one within it has, too.
constexpr uint8_t kInherited = fAggregates | fWindows | fInAggregate | fAliases;

bool room(const State& s, int frames);
Frame& push(State& s, FrameKind kind, uint8_t at, uint8_t flags);
void push_expression(State& s, uint8_t flags);
void operand_done(State& s);
bool next_operand(State& s, uint8_t set, uint8_t clear);  // after an operator
void column_done(State& s, bool text);  // an operand that is a lone column
bool expression_closes(const State& s);
bool expression_keyword(const Language& l, State& s, uint8_t keyword);
bool frame_keyword(const Language& l, State& s, uint8_t keyword);
bool expression_symbol(const Language& l, State& s, Symbol symbol);

}  // namespace sqlforge
