#include "lexer.hpp"

namespace sqlforge {

namespace {

constexpr int kMostDigits = 15;

// By the first byte of an operator.
Symbol operation(uint8_t first) {
  return first == '|' ? sArithmetic : first == '=' ? sEqual : first == '!' ? sUnequal : sComparison;
}

bool whole_value(const State& s, const Lexer& lexer) {
  return lexer.low < lexer.high && s.values->texts[lexer.low].size() == lexer.size;
}

}  // namespace

bool Reader::finish(State& s, Lexer& lexer, uint8_t next) const {
  const Mode mode = lexer.mode;
  lexer.mode = mNone;
  switch (mode) {
    case mNone: return true;
    case mWord: return resolve_word(s, lexer, next);
    case mQuotedEnd: return resolve_quoted(s, lexer, next);
    case mTextEnd: return take_text(s);
    case mNumber: return take_number(l, s, true, lexer.number);
    case mFraction: return lexer.digits > 0 && take_number(l, s, false, 0);
    case mOperator:
      if (lexer.last == '!' || lexer.last == '|') return false;
      return take_symbol(l, s, operation(lexer.last));
    default: return false;
  }
}

State& Place::change(const Language& l) {
  if (state != scratch) copy(*scratch, *state);
  state = scratch;
  memo = scratch_memo;
  memo->reset(l);
  return *scratch;
}

bool Reader::begin(Place& place, Lexer& lexer, uint8_t byte) const {
  const State& s = *place.state;
  if (blank(byte)) {
    lexer.last = 0;
    return !s.done && ++lexer.blanks <= kMostBlanks;
  }
  const uint8_t last = lexer.last;
  lexer.blanks = 0;
  lexer.last = byte;
  if (word_start(byte)) {
    lexer.mode = mWord;
    lexer.size = 0;
    lexer.low = 0, lexer.high = uint16_t(l.words.size());
    return grow_word(s, *place.memo, lexer, byte);
  }
  if (byte >= '0' && byte <= '9') {
    lexer.mode = mNumber;
    lexer.number = byte - '0';
    lexer.digits = 1;
    return number_ok(s, true, lexer.number) || number_ok(s, false, 0);
  }
  switch (byte) {
    case '\'':
      lexer.mode = mText;
      lexer.utf8 = Utf8();
      lexer.linked = linked_text(s);
      if (lexer.linked) lexer.size = lexer.low = 0, lexer.high = uint16_t(s.values->texts.size());
      return text_ok(s);
    case '"': {
      lexer.mode = mQuoted;
      lexer.size = 0;
      lexer.utf8 = Utf8();
      lexer.low = 0, lexer.high = uint16_t(l.sorted_names.size());
      lexer.literal = s.qualifier_level < 0 && double_quoted_text_ok(s);
      if (lexer.literal) return true;
      if (!names_possible(s)) return false;
      for (int i = 0; i < lexer.high; ++i)
        if (quoted_ok(s, *place.memo, i)) return true;
      return false;
    }
    case '-':
      if (last == '-') return false;  // would begin a comment
      if (operand_state(s)) {
        lexer.mode = mSign;
        return number_ok(s, true, -1);
      }
      return take_symbol(l, place.change(l), sArithmetic);
    case '+':
    case '/':
    case '%': return take_symbol(l, place.change(l), sArithmetic);
    case '(': return take_symbol(l, place.change(l), sOpen);
    case ')': return take_symbol(l, place.change(l), sClose);
    case ',': return take_symbol(l, place.change(l), sComma);
    case '*':
      if (last == '/') return false;
      return take_symbol(l, place.change(l), sStar);
    case ';': return take_symbol(l, place.change(l), sSemicolon);
    case '<':
    case '>':
    case '=':
    case '!':
    case '|': {
      lexer.mode = mOperator;
      static thread_local State trial;
      copy(trial, s);
      return take_symbol(l, trial, operation(byte));
    }
    default: return false;
  }
}

bool Reader::feed(Place& place, Lexer& lexer, uint8_t byte) const {
  const State& s = *place.state;
  switch (lexer.mode) {
    case mNone: return begin(place, lexer, byte);
    case mWord:
      if (word_byte(byte)) return grow_word(s, *place.memo, lexer, byte);
      if (byte >= 0x80 || byte == '\'' || byte == '"') return false;
      break;
    case mQuoted:
      if (byte == '"') {
        lexer.mode = mQuotedEnd;
        if (quoted_ends(s, *place.memo, lexer)) return true;
        if (lexer.utf8.need) return false;
        Lexer longer = lexer;  // or the first of two that write one quote
        return grow_quoted(s, *place.memo, longer, '"');
      }
      return grow_quoted(s, *place.memo, lexer, byte);
    case mQuotedEnd:
      if (byte == '"') {
        lexer.mode = mQuoted;
        return grow_quoted(s, *place.memo, lexer, byte);
      }
      if (!quoted_ends(s, *place.memo, lexer)) return false;
      if (word_byte(byte) || byte >= 0x80 || byte == '\'') return false;
      break;
    case mText:
      if (lexer.linked) {
        if (byte != '\'' || !whole_value(s, lexer)) return grow_text(s, lexer, byte);
        lexer.mode = mTextEnd;
        return true;
      }
      if (byte == '\'') {
        lexer.mode = mTextEnd;
        return lexer.utf8.need == 0;
      }
      return lexer.utf8.take(byte);
    case mTextEnd:
      if (byte == '\'') {
        lexer.mode = mText;  // the first of two that write one quote
        return !lexer.linked || (grow_text(s, lexer, byte) && grow_text(s, lexer, byte));
      }
      if (byte == '"' || byte >= 0x80) return false;
      break;
    case mSign:
      if (byte < '0' || byte > '9') return false;
      lexer.mode = mNumber;
      lexer.number = -long(byte - '0');
      lexer.digits = 1;
      return number_ok(s, true, lexer.number);
    case mNumber:
      if (byte >= '0' && byte <= '9') {
        if (lexer.digits >= kMostDigits) return false;
        ++lexer.digits;
        lexer.number = lexer.number * 10 + (lexer.number < 0 ? -(byte - '0') : byte - '0');
        return number_ok(s, true, lexer.number);
      }
      if (byte == '.') {
        lexer.mode = mFraction;
        lexer.digits = 0;
        return number_ok(s, false, 0);
      }
      if (word_byte(byte) || byte == '\'' || byte == '"' || byte >= 0x80) return false;
      break;
    case mFraction:
      if (byte >= '0' && byte <= '9') return lexer.digits++ < kMostDigits;
      if (word_byte(byte) || byte == '.' || byte == '\'' || byte == '"' || byte >= 0x80) return false;
      break;
    case mOperator: {
      const uint8_t first = lexer.last;
      const bool pair = (first == '<' && (byte == '=' || byte == '>')) ||
                        (first == '>' && byte == '=') || (first == '=' && byte == '=') ||
                        (first == '!' && byte == '=') || (first == '|' && byte == '|');
      if (pair) {
        lexer.mode = mNone;
        lexer.last = byte;
        const Symbol symbol = first == '<' && byte == '>' ? sUnequal : operation(first);
        return take_symbol(l, place.change(l), symbol);
      }
      break;
    }
    case mDot:
      if (byte == '*') {
        lexer.mode = mNone;
        return take_dotted_star(l, place.change(l));
      }
      if (!word_start(byte) && byte != '"') return false;
      lexer.mode = mNone;
      return begin(place, lexer, byte);
    case mCallWait:
      if (blank(byte)) return ++lexer.blanks <= kMostBlanks;
      if (byte != '(') return false;
      lexer.mode = mNone;
      return take_call(l, place.change(l), lexer.function);
  }
  // The lexeme is over and `byte` begins what follows.
  lexer.function = -1;
  const Mode ended = lexer.mode;
  if (!finish(place.change(l), lexer, byte)) return false;
  lexer.last = 0;
  lexer.blanks = 0;
  if (lexer.function >= 0) {
    if (byte == '(') return take_call(l, *place.scratch, lexer.function);
    lexer.mode = mCallWait;
    lexer.blanks = 1;
    return true;
  }
  if (byte == '.' && (ended == mWord || ended == mQuotedEnd)) {
    lexer.mode = mDot;
    return true;
  }
  return begin(place, lexer, byte);
}

bool Reader::end(Place& place, Lexer& lexer) const {
  if (lexer.mode == mQuotedEnd && !quoted_ends(*place.state, *place.memo, lexer)) return false;
  lexer.function = -1;
  if (!finish(place.change(l), lexer, ',')) return false;
  lexer.last = 0;
  lexer.blanks = 0;
  return true;
}

bool Reader::may_end(const State& state, const Lexer& lexer) const {
  switch (lexer.mode) {
    case mNone: return sqlforge::may_end(l, state);
    case mWord:
    case mQuotedEnd:
    case mTextEnd:
    case mNumber:
    case mFraction: {
      static thread_local State trial;
      copy(trial, state);
      Lexer ending = lexer;
      ending.function = -1;
      return finish(trial, ending, 0) && sqlforge::may_end(l, trial);
    }
    default: return false;
  }
}

}  // namespace sqlforge
