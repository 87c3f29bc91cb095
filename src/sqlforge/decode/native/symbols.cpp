// Calls, and what the symbols do in an expression: brackets, commas, a lone star, operators.
#include "expression.hpp"
#include "query.hpp"

namespace sqlforge {

bool call_ok(const State& s, int function) {
  const Frame& f = s.top();
  if (s.here().on) return false;
  if (f.kind != kExpression || f.at != wOperand || !room(s, 2)) return false;
  const bool in = f.flags & fInAggregate;
  switch (kFunctions[function].kind) {
    case kAggregate: return (f.flags & fAggregates) && !in;
    case kWindow: return (f.flags & fWindows) && !in;
    default: return true;
  }
}

bool take_call(const Language&, State& s, int function) {
  if (!call_ok(s, function)) return false;
  Frame& f = s.top();
  f.fresh = 0;
  const FunctionKind kind = kFunctions[function].kind;
  const bool aggregate = kind == kAggregate || (kind == kAggregateOrScalar &&
                                                (f.flags & fAggregates) && !(f.flags & fInAggregate));
  if (s.here().phase == kBeforeFrom) {
    if (aggregate) s.here().item_flags |= kAggregated;
    if (kind == kWindow) s.here().item_flags |= kWindowed;
  }
  const uint8_t flags = f.flags & kInherited;
  Frame& call = push(s, kCall, 0, 0);
  call.a = int16_t(function);
  call.count = 1;
  call.may_over = aggregate;
  if (kFunctions[function].most == 0) return call.at = 1, true;  // nothing but ) may follow
  push_expression(s, uint8_t(aggregate || kind == kWindow ? fInAggregate | fBoolean : flags | fBoolean));
  return true;
}

namespace {

bool compare(State& s, Symbol symbol) {
  const bool linked = s.top().a == cTextColumn && symbol != sComparison;
  next_operand(s, fComparing, fBoolean);
  if (linked) s.top().a = cLinked;
  return true;
}

bool calculate(State& s) {
  next_operand(s, 0, fBoolean | fComparing);
  s.top().a = cCompound;
  return true;
}

int fewest(const Frame& call) {
  const Function& f = kFunctions[call.a];
  return f.kind == kAggregateOrScalar && !call.may_over ? 2 : f.fewest;
}

bool close_call(State& s) {
  const Frame call = s.top();
  if (call.at != 1 && call.count < fewest(call)) return false;
  const Function& f = kFunctions[call.a];
  --s.frames;
  operand_done(s);
  Frame& parent = s.top();
  if (f.kind == kWindow) {
    parent.at = wOver;
  } else {
    const bool counted = call.may_over && (f.kind == kAggregate || call.count == 1);
    if (counted && s.here().aggregates < 255) ++s.here().aggregates;
    const bool one = f.kind != kAggregateOrScalar || call.count == 1;
    parent.may_over = call.may_over && one && !(call.flags & 1) && (parent.flags & fWindows);
  }
  return true;
}

bool open(const Language& l, State& s) {
  Frame& f = s.top();
  if (f.kind == kExpression) {
    switch (f.at) {
      case wOperand: {
        if (!room(s, 2)) return false;
        f.fresh = 0;
        const uint8_t flags = uint8_t((f.flags & (kInherited | fTerm)) | fBoolean);
        push(s, kParen, 0, 0);
        push_expression(s, flags);
        return true;
      }
      case wIn: {
        if (!room(s, 2)) return false;
        f.at = wAfter;
        const uint8_t flags = uint8_t((f.flags & kInherited) | fComparing);
        const int16_t linked = f.a == cTextColumn ? cLinked : cNothing;
        push(s, kList, 0, 0).a = linked;
        push_expression(s, flags);
        s.top().a = linked;
        return true;
      }
      case wExists:
        operand_done(s);
        open_query(s, kExistsQuery, 0);
        return true;
      case wOverOpen:
        if (!room(s, 2)) return false;
        f.at = wAfter;
        push(s, kWindowSpec, 0, 0);
        return true;
      default: return false;
    }
  }
  if (f.kind == kCastAs && f.at == 0) {
    f.at = 1;
    push_expression(s, s.frame[s.frames - 2].flags & kInherited);
    return true;
  }
  return f.kind == kQuery && query_opens(l, s);
}

bool close(const Language& l, State& s) {
  if (s.top().kind == kExpression) {
    Frame& below = s.frame[s.frames - 2];
    if (s.top().fresh && s.top().at == wOperand && below.kind == kCall) {
      if (below.count != 1 || kFunctions[below.a].fewest > 0 || fewest(below) > 0) return false;
      --s.frames;
      s.top().at = 1;
      return close_call(s);
    }
    if (!expression_closes(s)) return false;
    --s.frames;
    Frame& f = s.top();
    switch (f.kind) {
      case kParen:
        --s.frames;
        operand_done(s);
        return true;
      case kList:
        --s.frames;
        return true;
      case kCall: return close_call(s);
      case kWindowSpec:
        --s.frames;
        return true;
      case kQuery: return close_query(l, s);
      default: return false;
    }
  }
  Frame& f = s.top();
  switch (f.kind) {
    case kWindowSpec:
      if (f.at != 0 && f.at != 3) return false;
      --s.frames;
      return true;
    case kCastAs:
      if (f.at != 3) return false;
      --s.frames;
      operand_done(s);
      return true;
    case kCall:
      return f.at == 1 && close_call(s);
    case kQuery: return close_query(l, s);
    default: return false;
  }
}

bool comma(const Language& l, State& s) {
  if (s.top().kind == kExpression) {
    if (!expression_closes(s)) return false;
    const uint8_t flags = s.top().flags & kInherited;
    const bool literal = s.top().count == 1;
    --s.frames;
    Frame& f = s.top();
    switch (f.kind) {
      case kList:
        f.fresh = 0;
        if (!literal) f.count = 1;  // no list of literals: "…" is a name in what follows
        push_expression(s, uint8_t(flags | (f.count ? 0 : fComparing)));
        s.top().a = s.frame[s.frames - 2].a;
        return true;
      case kCall: {
        const Function& fn = kFunctions[f.a];
        if (f.count >= fn.most || (f.flags & 1)) return false;
        ++f.count;
        push_expression(s, uint8_t(flags | fBoolean));
        return true;
      }
      case kWindowSpec: push_expression(s, uint8_t((flags & fInAggregate) | fBoolean)); return true;
      case kQuery: return query_comma(l, s);
      default: return false;
    }
  }
  Frame& f = s.top();
  if (f.kind == kWindowSpec && f.at == 3) {
    f.at = 2;
    push_expression(s, uint8_t((s.frame[s.frames - 2].flags & fInAggregate) | fBoolean));
    return true;
  }
  return f.kind == kQuery && query_comma(l, s);
}

bool star(const Language& l, State& s) {
  Frame& f = s.top();
  if (f.kind != kExpression) return false;
  if (f.at == wAfter) return calculate(s);
  if (f.at != wOperand || !f.fresh) return false;
  Frame& below = s.frame[s.frames - 2];
  if (below.kind == kCall && below.a == 0 && below.count == 1 && !(below.flags & 1)) {
    --s.frames;
    s.top().at = 1;
    return true;
  }
  return below.kind == kQuery && query_star(l, s);
}

}  // namespace

bool expression_symbol(const Language& l, State& s, Symbol symbol) {
  switch (symbol) {
    case sOpen: return open(l, s);
    case sClose: return close(l, s);
    case sComma: return comma(l, s);
    case sStar: return star(l, s);
    case sSemicolon: return query_end(l, s);
    default: break;
  }
  const Frame& f = s.top();
  if (f.kind != kExpression || f.at != wAfter) return false;
  if (symbol == sArithmetic) return calculate(s);
  return !(f.flags & fLowBound) && compare(s, symbol);
}

}  // namespace sqlforge
