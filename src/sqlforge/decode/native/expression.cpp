// Expressions: what may follow what, which calls may stand where.
#include "expression.hpp"

#include <algorithm>

#include "query.hpp"

namespace sqlforge {

bool room(const State& s, int frames) { return s.frames + frames <= kMostFrames - 4; }

Frame& push(State& s, FrameKind kind, uint8_t at, uint8_t flags) {
  s.frame[s.frames] = Frame{kind, at, flags, 1, -1, 0, 0};
  return s.frame[s.frames++];
}

void push_expression(State& s, uint8_t flags) { push(s, kExpression, wOperand, flags); }

void operand_done(State& s) {
  Frame& f = s.top();
  f.at = wAfter;
  f.fresh = 0;
  f.may_over = 0;
  f.count = uint8_t(std::min(200, f.count + 4));
  f.flags &= uint8_t(~(fTerm | fBoolean | fComparing));
  if (f.a != cCompound) f.a = cNothing;
}

void column_done(State& s, bool text) {
  operand_done(s);
  if (text && s.top().a != cCompound) s.top().a = cTextColumn;
}

bool expression_closes(const State& s) {
  const Frame& f = s.top();
  if (s.here().on) return false;
  return f.kind == kExpression && (f.at == wAfter || f.at == wFinished) && !(f.flags & fLowBound);
}

namespace {

// A literal that goes on is no lone one, and what goes on is no call that may have an OVER.
void more(Frame& f) {
  f.may_over = 0;
  f.count = uint8_t(std::min(200, f.count + 1));
}

}  // namespace

bool next_operand(State& s, uint8_t set, uint8_t clear) {
  Frame& f = s.top();
  f.at = wOperand;
  more(f);
  f.flags = uint8_t((f.flags & ~clear) | set);
  f.a = cNothing;
  return true;
}

namespace {

bool test_operator(State& s, uint8_t keyword) {
  Frame& f = s.top();
  switch (keyword) {
    case kIn: more(f); f.at = wIn; return room(s, 2);
    case kLike:
    case kGlob: return next_operand(s, fComparing, fBoolean);
    case kBetween:
      next_operand(s, fComparing | fLowBound, fBoolean);
      f.count = 0;
      return true;
    default: return false;
  }
}

bool operand_keyword(const Language& l, State& s, uint8_t keyword) {
  Frame& f = s.top();
  Frame& below = s.frame[s.frames - 2];
  switch (keyword) {
    case kNull: operand_done(s); return true;
    case kNot:
      if (!(f.flags & fBoolean)) return false;
      f.fresh = 0;
      return true;
    case kExists:
      if (!(f.flags & fBoolean) || !query_room(s)) return false;
      f.fresh = 0;
      f.at = wExists;
      return true;
    case kCase:
      if (!room(s, 2)) return false;
      f.fresh = 0;
      push(s, kCaseWhen, 0, 0);
      push_expression(s, f.flags & kInherited);
      return true;
    case kCast:
      if (!room(s, 2)) return false;
      f.fresh = 0;
      push(s, kCastAs, 0, 0);
      return true;
    case kSelect: {
      if (!f.fresh || !below.fresh || !query_room(s)) return false;
      if (below.kind != kParen && below.kind != kList) return false;
      const Entry entry = below.kind == kParen ? kScalarQuery : kInQuery;
      s.frames -= 2;
      open_query(s, entry, 1);
      return take_keyword(l, s, kSelect);
    }
    case kDistinct:
    case kAll:
      if (!f.fresh) return false;
      if (below.kind == kQuery && below.at == qSelect) {
        below.at = qItem;
        s.here().item_lexemes = 0;
        return true;
      }
      if (below.kind == kCall && keyword == kDistinct && below.count == 1 &&
          below.may_over &&
          !(below.flags & 1) && (f.flags & fInAggregate)) {
        below.flags |= 1;
        f.fresh = 0;
        return true;
      }
      return false;
    case kWhen:
      if (!f.fresh || below.kind != kCaseWhen || below.at != 0) return false;
      --s.frames;
      s.top().at = 1;
      push_expression(s, (f.flags & kInherited) | fBoolean);
      return true;
    default: return false;
  }
}

}  // namespace

bool container_keyword(const Language& l, State& s, uint8_t keyword) {
  const uint8_t flags = s.top().flags;
  if (!expression_closes(s)) return false;
  --s.frames;
  Frame& f = s.top();
  switch (f.kind) {
    case kCaseWhen:
      if (keyword == kWhen && (f.at == 0 || f.at == 2)) f.at = 1;
      else if (keyword == kThen && f.at == 1) f.at = 2;
      else if (keyword == kElse && f.at == 2) f.at = 3;
      else if (keyword == kEnd && f.at >= 2) {
        --s.frames;
        operand_done(s);
        return true;
      } else return false;
      push_expression(s, uint8_t((flags & kInherited) | (f.at == 1 ? fBoolean : 0)));
      return true;
    case kCastAs:
      if (keyword != kAs || f.at != 1) return false;
      f.at = 2;
      return true;
    case kWindowSpec:
      if (keyword == kOrder && f.at == 1) f.at = 5;
      else if ((keyword == kAsc || keyword == kDesc) && f.at == 2) f.at = 3;
      else return false;
      return true;
    case kQuery: return query_keyword(l, s, keyword);
    default: return false;
  }
}

bool expression_keyword(const Language& l, State& s, uint8_t keyword) {
  Frame& f = s.top();
  switch (f.at) {
    case wOperand: return operand_keyword(l, s, keyword);
    case wNotOperator: return test_operator(s, keyword);
    case wIs:
      if (keyword == kNot) return f.at = wIsNot, true;
      [[fallthrough]];
    case wIsNot:
      if (keyword != kNull) return false;
      f.at = wAfter;
      return true;
    case wCollate:
      if (keyword != kNocase) return false;
      f.at = wAfter;
      return true;
    case wOver:
      if (keyword != kOver) return false;
      f.at = wOverOpen;
      return true;
    case wAfter: break;
    case wFinished: return container_keyword(l, s, keyword);
    default: return false;
  }
  if (keyword == kAnd) {
    // Quoted like a name, the other bound is a literal only after a short first one: the project's
    // check of validity, which reads golds, says so too.
    if (f.flags & fLowBound)
      return next_operand(s, f.count == 1 ? fComparing : 0, fLowBound | fBoolean);
    return next_operand(s, fBoolean, fComparing);
  }
  if (f.flags & fLowBound) return false;
  switch (keyword) {
    case kOr: return next_operand(s, fBoolean, fComparing);
    case kNot: f.may_over = 0; f.at = wNotOperator; return true;
    case kIs: more(f); f.at = wIs; return true;
    case kIsnull:
    case kNotnull: more(f); return true;
    case kCollate: more(f); f.at = wCollate; return true;
    case kOver:
      if (!f.may_over) return false;
      f.may_over = 0;
      if (s.here().aggregates) --s.here().aggregates;  // over a window it aggregates nothing
      s.here().item_flags |= kWindowed;
      f.at = wOverOpen;
      return true;
    case kIn:
    case kLike:
    case kGlob:
    case kBetween: f.may_over = 0; return test_operator(s, keyword);
    default: return container_keyword(l, s, keyword);
  }
}

// Keywords where the frame on top is no expression.
bool frame_keyword(const Language& l, State& s, uint8_t keyword) {
  Frame& f = s.top();
  if (f.kind == kQuery) return query_keyword(l, s, keyword);
  if (f.kind == kCastAs && f.at == 2 && keyword == kType) return f.at = 3, true;
  if (f.kind != kWindowSpec) return false;
  const uint8_t flags = s.frame[s.frames - 2].flags & (fInAggregate | fAliases);
  if (f.at == 0 && keyword == kPartition) return f.at = 4, true;
  if (f.at == 0 && keyword == kOrder) return f.at = 5, true;
  if ((f.at == 4 || f.at == 5) && keyword == kBy) {
    f.at -= 3;
    // Neither aggregates nor the results' aliases: SQLite resolves them late and not always.
    push_expression(s, uint8_t((flags & fInAggregate) | fBoolean));
    return true;
  }
  return false;
}

}  // namespace sqlforge
