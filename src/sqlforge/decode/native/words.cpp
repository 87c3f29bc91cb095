// Words, quoted names and texts while they grow, and what a whole one stands for.
#include <algorithm>

#include "lexer.hpp"

namespace sqlforge {

namespace {

// Narrows [low, high) of sorted texts to those whose byte at `position` is `byte`.
template <class Text>
void narrow(Text text, uint16_t& low, uint16_t& high, int position, uint8_t byte) {
  const auto at = [&](int i) {
    const std::string& t = text(i);
    return position < int(t.size()) ? int(uint8_t(t[position])) : -1;
  };
  int a = low, b = high;
  while (a < b) {
    const int m = (a + b) / 2;
    if (at(m) < byte) a = m + 1; else b = m;
  }
  int c = a, d = high;
  while (c < d) {
    const int m = (c + d) / 2;
    if (at(m) <= byte) c = m + 1; else d = m;
  }
  low = uint16_t(a), high = uint16_t(c);
}

}  // namespace

bool Memo::reset(const Language& l) {
  word.assign(l.words.size(), 0);
  name.assign(l.sorted_names.size(), 0);
  fresh = by_class = -1;
  of_class.clear();
  after_class.clear();
  after_word.clear();
  after_name.clear();
  after_fresh = kUnknown;
  for (auto& mode : after_mode) mode[0] = mode[1] = kUnknown;
  preferred_known = false;
  after_open.clear();
  after_dynamic.clear();
  return true;
}

NewName Reader::fresh(const State& s, Memo& m) const {
  if (m.fresh < 0) m.fresh = int8_t(new_name(l, s));
  return NewName(m.fresh);
}

int Reader::class_of(const State& s, Memo& m, Name name) const {
  const int found = name >= 0 && name < kDynamic ? l.column_class[name] : -1;
  if (found < 0) return -1;
  if (m.by_class < 0)
    m.by_class = !s.done && (s.qualifier_level >= 0 || operand_state(s)) && s.relations == 0 &&
                 !s.values && l.keys.empty();
  return m.by_class && !named(s, name) ? found : -1;
}

bool Reader::known_name_ok(const State& s, Memo& m, Name name) const {
  const int same = class_of(s, m, name);
  if (same < 0) return name_ok(l, s, name);
  if (m.of_class.empty()) m.of_class.assign(size_t(l.classes), 0);
  uint8_t& known = m.of_class[size_t(same)];
  if (!known) known = name_ok(l, s, name) ? 2 : 1;
  return known == 2;
}

bool Reader::word_ok(const State& s, Memo& m, int i) const {
  uint8_t& known = m.word[i];
  if (!known) {
    const Word& w = l.words[i];
    const bool ok = (w.name >= 0 && names_possible(s) && known_name_ok(s, m, w.name)) ||
                    (s.qualifier_level < 0 &&
                     ((w.keyword && keyword_ok(l, s, w.keyword)) ||
                      (w.function >= 0 && !s.done && call_ok(s, w.function))));
    known = ok ? 2 : 1;
  }
  return known == 2;
}

bool Reader::quoted_ok(const State& s, Memo& m, int i) const {
  uint8_t& known = m.name[i];
  if (!known) known = known_name_ok(s, m, l.sorted_names[i]) ? 2 : 1;
  return known == 2;
}

bool Reader::word_begun(const State& s, Memo& m, const Lexer& lexer) const {
  for (int i = lexer.low; i < lexer.high; ++i)
    if (word_ok(s, m, i)) return true;
  if (lexer.size >= kNameBytes - 1 || !names_possible(s)) return false;
  for (int d = 0; d < s.dynamics; ++d)
    if (int(std::strlen(s.dynamic[d])) >= lexer.size &&
        !std::memcmp(s.dynamic[d], lexer.text, lexer.size) && name_ok(l, s, Name(kDynamic + d)))
      return true;
  switch (fresh(s, m)) {
    case kNewAlias:  // of the greatest length it must be a name that is not taken
      return lexer.size < kMostAliasBytes ||
             (lexer.size == kMostAliasBytes &&
              lone_name_ok(l, s, known_name(l, s, lexer.text, lexer.size)));
    case kNewQualifier:
    case kNewShortAlias: {
      if (!short_alias(lexer.text, lexer.size, false)) return false;
      std::string longer(lexer.text, lexer.size);
      longer += '0';
      if (short_alias(longer.data(), longer.size(), false)) return true;
      const Name known = known_name(l, s, lexer.text, lexer.size);  // it cannot grow out of a clash
      return known < 0 || name_ok(l, s, known);
    }
    default: return false;
  }
}

bool Reader::grow_word(const State& s, Memo& m, Lexer& lexer, uint8_t byte) const {
  if (lexer.size >= 63) return false;
  narrow([&](int i) -> const std::string& { return l.words[i].text; }, lexer.low, lexer.high,
         lexer.size, lower(byte));
  lexer.text[lexer.size++] = char(lower(byte));
  return word_begun(s, m, lexer);
}

bool Reader::quoted_ends(const State& s, Memo& m, const Lexer& lexer) const {
  if (lexer.utf8.need) return false;
  const bool exact = lexer.low < lexer.high &&
                     l.folded[l.sorted_names[lexer.low]].size() == lexer.size ;
  if (exact && quoted_ok(s, m, lexer.low)) return true;
  if (!lexer.literal) return false;
  // SQLite reads the text as a name where there is one: such a literal would be something else.
  if (exact && in_sight(l, s, l.sorted_names[lexer.low])) return false;
  if (lexer.size < kNameBytes)
    for (int d = 0; d < s.dynamics; ++d)
      if (int(std::strlen(s.dynamic[d])) == lexer.size &&
          !std::memcmp(s.dynamic[d], lexer.text, lexer.size))
        return false;
  return true;
}

bool Reader::grow_quoted(const State& s, Memo& m, Lexer& lexer, uint8_t byte) const {
  if (lexer.size < kLongName) {
    narrow([&](int i) -> const std::string& { return l.folded[l.sorted_names[i]]; }, lexer.low,
           lexer.high, lexer.size, lower(byte));
    if (lexer.size < 64) lexer.text[lexer.size] = char(lower(byte));
    ++lexer.size;
  } else {
    lexer.low = lexer.high = 0;
    lexer.size = kLongName;
  }
  if (lexer.literal) return lexer.utf8.take(byte);
  for (int i = lexer.low; i < lexer.high; ++i)
    if (quoted_ok(s, m, i)) return true;
  return false;
}

bool Reader::grow_text(const State& s, Lexer& lexer, uint8_t byte) const {
  narrow([&](int i) -> const std::string& { return s.values->texts[i]; }, lexer.low, lexer.high,
         lexer.size, byte);
  ++lexer.size;
  return lexer.low < lexer.high;
}

bool Reader::resolve_word(State& s, Lexer& lexer, uint8_t next) const {
  const Word* word = nullptr;
  if (lexer.low < lexer.high && l.words[lexer.low].text.size() == lexer.size)
    word = &l.words[lexer.low];
  Name known = word ? word->name : Name(-1);
  if (known < 0 && lexer.size < kNameBytes)
    for (int d = 0; d < s.dynamics; ++d)
      if (int(std::strlen(s.dynamic[d])) == lexer.size &&
          !std::memcmp(s.dynamic[d], lexer.text, lexer.size))
        known = Name(kDynamic + d);
  const bool may_name = known >= 0 || (lexer.size <= kMostAliasBytes &&
                                       !reserved(std::string(lexer.text, lexer.size)));
  if (next == '.') return may_name && take_qualifier(l, s, known, lexer.text, lexer.size);
  if (s.qualifier_level >= 0) return known >= 0 && take_dotted(l, s, known);
  if (next == '(' && word && word->function >= 0 && call_ok(s, word->function)) {
    lexer.function = word->function;
    return true;
  }
  // The names of types are no reserved words: a column may be called text.
  if (word && word->keyword && (known < 0 || keyword_ok(l, s, word->keyword)))
    return take_keyword(l, s, word->keyword);
  if (may_name && lone_name_ok(l, s, known)) {
    if (known < 0 && new_name(l, s) == kNewShortAlias && !short_alias(lexer.text, lexer.size, true))
      return false;
    return take_name(l, s, known, lexer.text, lexer.size);
  }
  if (blank(next) && word && word->function >= 0 && call_ok(s, word->function)) {
    lexer.function = word->function;
    return true;
  }
  return false;
}

bool Reader::resolve_quoted(State& s, Lexer& lexer, uint8_t next) const {
  const bool exact = lexer.low < lexer.high &&
                     l.folded[l.sorted_names[lexer.low]].size() == lexer.size;
  const Name known = exact ? l.sorted_names[lexer.low] : Name(-1);
  if (next == '.') return known >= 0 && take_qualifier(l, s, known, "", 0);
  if (s.qualifier_level >= 0) return take_dotted(l, s, known);
  if (known >= 0 && lone_name_ok(l, s, known)) return take_name(l, s, known, "", 0);
  if (!lexer.literal || in_sight(l, s, known)) return false;
  return take_text(s);
}

}  // namespace sqlforge
