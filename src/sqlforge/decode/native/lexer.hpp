// Bytes to lexemes: a lexeme that is begun is always the beginning of one that may stand here.
#pragma once
#include <string>
#include <vector>

#include "open_words.hpp"
#include "parser.hpp"

namespace sqlforge {

constexpr int kMostBlanks = 6, kMostAliasBytes = 24, kLongName = 1100;

enum Mode : uint8_t {
  mNone, mWord, mQuoted, mQuotedEnd, mText, mTextEnd, mNumber, mFraction, mSign, mOperator,
  mDot, mCallWait
};

struct Lexer {
  Mode mode = mNone;
  uint8_t blanks = 0, last = 0;
  uint16_t size = 0;       // bytes of the word or quoted name, at most kLongName
  bool literal = false;    // a double quoted text may be a literal
  bool linked = false;     // a text in single quotes has to be one of the values
  Utf8 utf8;
  int16_t function = -1;
  uint16_t low = 0, high = 0;  // words, sorted names or values that begin so
  long number = 0;
  uint8_t digits = 0;
  char text[64];
};

// Of one state: which words may stand there, found out once (0 unknown, 1 no, 2 yes), and how many
// tokens end the query after each (kUnknown, -1: no way).
struct Memo {
  std::vector<uint8_t> word, name;
  int8_t fresh = -1;  // NewName
  int8_t by_class = -1;               // whether columns of one class are alike here
  std::vector<uint8_t> of_class;      // as `word`; filled when first asked for
  std::vector<int16_t> after_class;
  std::vector<int16_t> after_word, after_name;  // filled when first asked for
  int16_t after_fresh = kUnknown;
  int16_t after_mode[12][2];  // where the open lexeme's text does not matter
  bool preferred_known = false;
  std::string preferred;
  OpenWords after_open;
  std::vector<int16_t> after_dynamic;                    // by alias, alone and before a dot
  bool reset(const Language& l);
};

// Where a reading stands. A change goes to `scratch`, so that the state it came from stays as it is.
struct Place {
  const State* state;
  Memo* memo;
  State* scratch;
  Memo* scratch_memo;

  State& change(const Language& l);
};

inline bool operand_state(const State& s) {
  return s.top().kind == kExpression && s.top().at == wOperand;
}

struct Reader {
  const Language& l;

  // Takes one byte; false if it may not come, and the place is not to be used any more.
  bool feed(Place& place, Lexer& lexer, uint8_t byte) const;
  // The two halves of `feed` where a byte ends a lexeme that neither a dot nor a bracket ends
  // otherwise: the end, and the byte as the first of what follows.
  bool end(Place& place, Lexer& lexer) const;
  bool begin(Place& place, Lexer& lexer, uint8_t byte) const;
  bool may_end(const State& state, const Lexer& lexer) const;
  // Ends the lexeme that is open, as the end of the text or a blank would.
  bool finish(State& state, Lexer& lexer, uint8_t next) const;

  NewName fresh(const State& s, Memo& m) const;
  bool word_ok(const State& s, Memo& m, int word) const;
  bool quoted_ok(const State& s, Memo& m, int sorted) const;
  // The class that answers for a name here; -1: it has to be looked at itself.
  int class_of(const State& s, Memo& m, Name name) const;

 private:
  bool known_name_ok(const State& s, Memo& m, Name name) const;
  bool grow_word(const State& s, Memo& m, Lexer& lexer, uint8_t byte) const;
  bool word_begun(const State& s, Memo& m, const Lexer& lexer) const;
  bool grow_quoted(const State& s, Memo& m, Lexer& lexer, uint8_t byte) const;
  bool grow_text(const State& s, Lexer& lexer, uint8_t byte) const;
  bool quoted_ends(const State& s, Memo& m, const Lexer& lexer) const;
  bool resolve_word(State& s, Lexer& lexer, uint8_t next) const;
  bool resolve_quoted(State& s, Lexer& lexer, uint8_t next) const;
};

}  // namespace sqlforge
