#pragma once
#include "parser.hpp"

namespace sqlforge {

bool query_room(const State& s);                      // for a subquery in an expression
void open_query(State& s, Entry entry, uint8_t demanded);
bool query_keyword(const Language& l, State& s, uint8_t keyword);
bool query_comma(const Language& l, State& s);
bool query_star(const Language& l, State& s);         // the lone * of a SELECT list
bool query_opens(const Language& l, State& s);        // ( of a derived table or a CTE
bool close_query(const Language& l, State& s);        // its )
bool query_end(const Language& l, State& s);          // ; or the end of the text
bool some_table_ok(const Language& l, const State& s);
bool commit_table(const Language& l, State& s);       // the table just named keeps its own name

}  // namespace sqlforge
