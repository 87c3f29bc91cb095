// The one door to the state: lexemes come in here and go to expressions or clauses.
#include "parser.hpp"

#include "expression.hpp"
#include "lexemes.hpp"
#include "query.hpp"

namespace sqlforge {

bool take_keyword(const Language& l, State& s, uint8_t keyword) {
  if (s.done || s.qualifier_level >= 0 || s.here().on) return false;
  const bool expression = s.top().kind == kExpression;
  if (expression && keyword != kAs && keyword != kFrom) count_lexeme(s);
  return expression ? expression_keyword(l, s, keyword) : frame_keyword(l, s, keyword);
}

bool take_symbol(const Language& l, State& s, Symbol symbol) {
  if (s.done || s.qualifier_level >= 0) return false;
  if (s.here().on) {
    if (s.here().on != kKeysEqual || symbol != sEqual) return false;
    s.here().on = kSecondKey;
  }
  if (symbol != sComma && symbol != sSemicolon) {
    // A ) may end this level and a ( may begin one: the lexeme belongs to the item they are in.
    if (symbol != sClose || s.top().kind != kQuery) count_lexeme(s);
  } else if (symbol == sComma && s.top().kind == kExpression &&
             s.frame[s.frames - 2].kind != kQuery) {
    count_lexeme(s);
  }
  return expression_symbol(l, s, symbol);
}

bool number_ok(const State& s, bool whole, long value) {
  if (s.done || s.qualifier_level >= 0 || s.here().on) return false;
  const Frame& f = s.top();
  if (f.kind == kQuery) {
    if (f.at == qLimit || f.at == qOffset) return whole;
    return f.at == qSetItem && whole && value >= 1 && value <= s.here().arity;
  }
  if (!wants_operand(s)) return false;
  if (!(f.flags & fTerm)) return true;
  const Frame& below = s.frame[s.frames - 2];
  return f.fresh && below.kind == kQuery && whole && value >= 1 && value <= s.here().arity;
}

bool take_number(const Language&, State& s, bool whole, long value) {
  if (!number_ok(s, whole, value)) return false;
  Frame& f = s.top();
  count_lexeme(s);
  if (f.kind == kQuery) {
    f.count = 0;
    f.at = f.at == qLimit ? qLimitDone : f.at == qOffset ? qOver : qSetDone;
    return true;
  }
  const bool term = f.flags & fTerm;
  operand_done(s);
  if (whole && value >= 0) s.top().count -= 3;
  if (term) s.top().at = wFinished;
  return true;
}

bool text_ok(const State& s) {
  if (s.done || s.qualifier_level >= 0 || !wants_operand(s) || s.here().on) return false;
  return !linked_text(s) || !s.values->texts.empty();
}

bool linked_text(const State& s) {
  return s.values && s.top().kind == kExpression && s.top().a == cLinked;
}

bool double_quoted_text_ok(const State& s) {
  return text_ok(s) && (s.top().flags & fComparing) && !linked_text(s);
}

bool take_text(State& s) {
  if (!text_ok(s)) return false;
  count_lexeme(s);
  operand_done(s);
  s.top().count -= 3;
  return true;
}

bool keyword_ok(const Language& l, const State& s, uint8_t keyword) {
  if (s.done || s.qualifier_level >= 0 || s.here().on) return false;
  const Frame& f = s.top();
  if (f.kind == kExpression && f.at == wOperand) {
    switch (keyword) {
      case kNull: return true;
      case kNot:
      case kExists:
      case kCase:
      case kCast:
      case kSelect:
      case kDistinct:
      case kAll:
      case kWhen: break;
      default: return false;
    }
  }
  static thread_local State trial;
  copy(trial, s);
  return take_keyword(l, trial, keyword);
}

bool may_end(const Language& l, const State& s) {
  if (s.done) return true;
  if (s.levels != 1 || s.qualifier_level >= 0) return false;
  static thread_local State trial;
  copy(trial, s);
  return query_end(l, trial);
}

}  // namespace sqlforge
