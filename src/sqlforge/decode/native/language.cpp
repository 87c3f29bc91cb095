#include "language.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <stdexcept>

namespace sqlforge {

const Function kFunctions[] = {
    // what aggregates
    {"count", kAggregate, 0, 1}, {"sum", kAggregate, 1, 1}, {"avg", kAggregate, 1, 1},
    {"total", kAggregate, 1, 1}, {"group_concat", kAggregate, 1, 2},
    {"min", kAggregateOrScalar, 1, 6}, {"max", kAggregateOrScalar, 1, 6},
    // what reads one row
    {"abs", kScalar, 1, 1}, {"round", kScalar, 1, 2}, {"length", kScalar, 1, 1},
    {"lower", kScalar, 1, 1}, {"upper", kScalar, 1, 1}, {"substr", kScalar, 2, 3},
    {"substring", kScalar, 2, 3}, {"trim", kScalar, 1, 2}, {"ltrim", kScalar, 1, 2},
    {"rtrim", kScalar, 1, 2}, {"replace", kScalar, 3, 3}, {"instr", kScalar, 2, 2},
    {"coalesce", kScalar, 2, 8}, {"ifnull", kScalar, 2, 2}, {"nullif", kScalar, 2, 2},
    {"iif", kScalar, 3, 3}, {"strftime", kScalar, 1, 4}, {"date", kScalar, 1, 4},
    {"datetime", kScalar, 1, 4}, {"time", kScalar, 1, 4}, {"julianday", kScalar, 1, 4},
    {"typeof", kScalar, 1, 1},
    // what needs OVER
    {"row_number", kWindow, 0, 0}, {"rank", kWindow, 0, 0}, {"dense_rank", kWindow, 0, 0},
    {"percent_rank", kWindow, 0, 0}, {"cume_dist", kWindow, 0, 0}, {"ntile", kWindow, 1, 1},
    {"lag", kWindow, 1, 3}, {"lead", kWindow, 1, 3}, {"first_value", kWindow, 1, 1},
    {"last_value", kWindow, 1, 1}, {"nth_value", kWindow, 2, 2},
};
const int kFunctionCount = int(sizeof(kFunctions) / sizeof(Function));

namespace {

const char* const kTexts[kKeywords] = {
    "", "select", "distinct", "from", "where", "group", "by", "having", "order", "limit", "offset",
    "as", "join", "inner", "left", "outer", "cross", "on", "and", "or", "not", "in", "like", "glob",
    "between", "is", "null", "exists", "case", "when", "then", "else", "end", "cast", "collate",
    "nocase", "asc", "desc", "union", "all", "intersect", "except", "with", "over", "partition",
    "isnull", "notnull", "integer"};

// Types that CAST takes; all are the keyword kType.
const char* const kTypes[] = {"integer", "int", "real", "text", "numeric", "float", "varchar"};

// SQLite's words that cannot be a bare name, and those of ours that would be read as a keyword.
}  // namespace

const std::set<std::string>& reserved_words() {
  static const std::set<std::string> words = {
      "add", "all", "alter", "and", "as", "autoincrement", "between", "case", "check", "collate",
      "commit", "constraint", "create", "default", "deferrable", "delete", "distinct", "drop",
      "else", "escape", "exists", "foreign", "from", "group", "having", "in", "index", "insert",
      "intersect", "into", "is", "isnull", "join", "limit", "not", "nothing", "notnull", "null",
      "on", "or", "order", "primary", "references", "returning", "select", "set", "table", "then",
      "to", "transaction", "union", "unique", "update", "using", "values", "when", "where",
      // may be names in SQLite, but not beside our grammar
      "except", "by", "asc", "desc", "end", "cast", "like", "glob", "offset", "with", "over",
      "partition", "left", "right", "inner", "outer", "cross", "full", "natural",  
      "indexed", "window", "filter", "nulls",   "current_date", "current_time",
      "current_timestamp",      
      "true", "false", "recursive",  "rowid", "oid", "_rowid_"};
  return words;
}

namespace {

uint64_t next_serial() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

}  // namespace

const char* keyword_text(int keyword) { return kTexts[keyword]; }
bool reserved(const std::string& folded) {
  static const std::vector<uint32_t> sizes = [] {  // by first letter: most words are none of them
    std::vector<uint32_t> found(256, 0);
    for (const std::string& word : reserved_words()) found[uint8_t(word[0])] |= 1u << word.size();
    return found;
  }();
  if (folded.empty() || folded.size() > 31 || !(sizes[uint8_t(folded[0])] >> folded.size() & 1)) return false;
  return reserved_words().count(folded) > 0;
}

std::string fold(const std::string& text) {
  std::string out = text;
  for (char& c : out) c = char(lower(uint8_t(c)));
  return out;
}

Name Language::find(const std::string& text) const {
  const auto found = name_of.find(text);
  return found == name_of.end() ? Name(-1) : found->second;
}

Name Language::intern(const std::string& name) {
  const std::string key = fold(name);
  const auto found = name_of.find(key);
  if (found != name_of.end()) return found->second;
  if (names.size() >= size_t(kDynamic)) throw std::length_error("more than 16,384 names");
  const Name id = Name(names.size());
  name_of[key] = id;
  names.push_back(name);
  folded.push_back(key);
  return id;
}

std::string Language::quoted(const std::string& name) {
  std::string written = "\"";
  for (char c : name) written += c == '"' ? std::string("\"\"") : std::string(1, c);
  return written + '"';
}

bool Language::writable(const std::string& name) const {
  const std::string written = quoted(name);
  return vocabulary.exact.all.greedy_cost(written.data(), written.size()) >= 0;
}

Cost Language::lexeme_cost(const std::string& text) const {
  return {text_cost(" " + text), text_cost(text)};
}

int Language::text_cost(const std::string& text) const {
  const int cost = vocabulary.exact.all.greedy_cost(text.data(), text.size());
  return cost < 0 ? int(4 * text.size() + 1) : cost;
}

std::vector<int> Language::rest_costs(const std::string& text) const {
  std::vector<int> cost(text.size() + 1, 0), steps(text.size() + 1, 0);
  for (size_t at = text.size(); at-- > 0;) {
    const size_t taken = vocabulary.exact.all.longest(text.data() + at, text.size() - at);
    steps[at] = taken && steps[at + taken] >= 0 ? steps[at + taken] + 1 : -1;
    cost[at] = steps[at] < 0 ? int(4 * (text.size() - at) + 1) : steps[at];
  }
  return cost;
}

// In the case that is cheapest, the schema's among them, since a name's whole cost is counted in that.
void Language::cost_rests(Word& word) const {
  std::vector<int> least = rest_costs(word.text);
  const auto or_as = [&](const std::string& text) {
    const std::vector<int> cost = rest_costs(text);
    for (size_t at = 0; at < least.size(); ++at) least[at] = std::min(least[at], cost[at]);
  };
  if (word.name >= 0) or_as(names[word.name]);
  if (word.keyword != kNone) {
    std::string upper = word.text;
    for (char& c : upper) c = c >= 'a' && c <= 'z' ? char(c - 32) : c;
    or_as(upper);
  }
  word.rest.assign(least.begin(), least.end());
}

Values Language::values(const std::vector<std::string>& given) const {
  Values found;
  for (const std::string& value : given) {
    std::string text;
    for (char c : value) text += c == '\'' ? std::string("''") : std::string(1, c);
    const std::string whole = "'" + text + "'";
    const int cost = vocabulary.exact.all.greedy_cost(whole.data(), whole.size());
    if (cost < 0) continue;
    found.most_cost = std::max(found.most_cost, cost);
    found.texts.push_back(text);
  }
  std::sort(found.texts.begin(), found.texts.end());
  found.texts.erase(std::unique(found.texts.begin(), found.texts.end()), found.texts.end());
  return found;
}

Language::Language(const Vocabulary& v, const std::vector<GivenTable>& given,
                   const std::vector<std::array<std::string, 4>>& joins)
    : serial(next_serial()), vocabulary(v) {
  std::vector<std::vector<bool>> holds;  // by table and column: text
  for (const auto& [name, columns] : given) {
    // SQLite knows no table without columns, and what no tokens write nobody can ask for.
    const bool some = std::any_of(columns.begin(), columns.end(),
                                  [&](const GivenColumn& c) { return writable(c.first); });
    if (!some || !writable(name)) continue;
    Table table{intern(name), {}, {}, {}};
    for (const auto& [column, text] : columns) table.columns.push_back(intern(column));
    holds.emplace_back();
    for (const auto& [column, text] : columns) holds.back().push_back(text);
    tables.push_back(std::move(table));
  }
  const size_t n = names.size();
  is_column.assign(n, 0);
  table_of.assign(n, -1);
  tables_with.resize(n);
  for (size_t t = 0; t < tables.size(); ++t) {
    tables[t].has.assign((n + 63) / 64 + 1, 0);
    tables[t].texts = tables[t].has;
    table_of[tables[t].name] = int(t);
    for (size_t i = 0; i < tables[t].columns.size(); ++i) {
      const Name c = tables[t].columns[i];
      tables[t].has[c / 64] |= 1ull << (c % 64);
      if (holds[t][i]) tables[t].texts[c / 64] |= 1ull << (c % 64);
      is_column[c] = writable(names[c]);
      if (tables_with[c].empty() || tables_with[c].back() != int16_t(t))
        tables_with[c].push_back(int16_t(t));
    }
  }
  std::map<std::vector<int16_t>, int16_t> class_of;
  column_class.assign(n, -1);
  for (size_t i = 0; i < n; ++i) {
    const std::string& text = folded[i];
    const bool brief = short_alias(text.data(), text.size(), true);
    if (brief && (find(text + "1") >= 0 || !short_alias((text + "1").data(), text.size() + 1, true) ||
                  (text.back() == '1' && reserved(text.substr(0, text.size() - 1)))))
      short_names_grow = false;
    if (brief || !is_column[i] || table_of[i] >= 0) continue;
    column_class[i] = class_of.try_emplace(tables_with[i], int16_t(class_of.size())).first->second;
  }
  classes = int(class_of.size());
  for (const auto& [table, column, other_table, other_column] : joins) {
    const Name a = find(fold(table)), b = find(fold(other_table));
    const Name c = find(fold(column)), d = find(fold(other_column));
    if (a < 0 || b < 0 || c < 0 || d < 0 || !is_column[c] || !is_column[d]) continue;
    const int t = table_of[a], o = table_of[b];
    if (t < 0 || o < 0 || !tables[t].column(c) || !tables[o].column(d)) continue;
    keys.push_back({int16_t(t), c, int16_t(o), d});
    keys.push_back({int16_t(o), d, int16_t(t), c});
  }
  // Words in order of their texts; a map would do, a sorted array is what prefixes are found in.
  std::unordered_map<std::string, size_t> at;
  const auto word = [&](const std::string& text) -> Word& {
    const auto found = at.find(text);
    if (found != at.end()) return words[found->second];
    at[text] = words.size();
    words.push_back({text});
    return words.back();
  };
  for (int k = 1; k < kType; ++k) word(kTexts[k]).keyword = uint8_t(k);
  for (const char* type : kTypes) word(type).keyword = kType;
  for (int f = 0; f < kFunctionCount; ++f) word(kFunctions[f].name).function = int16_t(f);
  for (size_t i = 0; i < n; ++i) {
    const std::string& text = folded[i];
    bool plain = !text.empty() && word_start(uint8_t(text[0])) && !reserved(text) && text.size() < 64;
    for (char c : text) plain = plain && word_byte(uint8_t(c));
    bare.push_back(plain);
    if (plain) word(text).name = Name(i);
    cost.push_back(lexeme_cost(plain ? names[i] : quoted(names[i])));
    if (!writable(names[i])) continue;
    most_cost = std::max({most_cost, cost.back().spaced, cost.back().bare});
    sorted_names.push_back(Name(i));
    for (int rest : rest_costs(quoted(names[i]))) most_rest = std::max(most_rest, rest);
  }
  for (Word& w : words) {
    cost_rests(w);
    most_rest = std::max(most_rest, int(*std::max_element(w.rest.begin(), w.rest.end())));
  }
  std::sort(words.begin(), words.end(), [](const Word& a, const Word& b) { return a.text < b.text; });
  std::sort(sorted_names.begin(), sorted_names.end(),
            [&](Name a, Name b) { return folded[a] < folded[b]; });
  short_name = v.short_name, short_after_blank = v.short_after_blank;
  for (const Table& t : tables)
    for (Mask* mask : {&short_name, &short_after_blank}) v.clear_short(*mask, folded[t.name]);
  for (int k = 0; k < kKeywords; ++k) {
    std::string text = kTexts[k];
    for (char& c : text) c = char(c - 32);
    if (k) keyword_cost[k] = lexeme_cost(text);
  }
  one_cost = lexeme_cost("1");
  most_opened = opened_by_one_token();
}

// Each bracket is to be closed; besides, the longest of what a keyword or a call asks for, with NULL
// for operands and a name of a token or two.
int Language::opened_by_one_token() const {
  const auto cost = [&](Keyword k) { return keyword_cost[k].spaced; };
  const int null = cost(kNull), named = cost(kAs) + 2;
  const int query = cost(kSelect) + null + 1;
  const int call = 2 + 3 * (null + 1) + cost(kOver) + 2;
  const int whens = cost(kWhen) + null + cost(kThen) + null + cost(kEnd);
  const int cast = 1 + null + cost(kAs) + cost(kType) + 1;
  const int between = null + cost(kAnd) + null;
  const int with = 2 + named + query + cost(kSelect) + null;
  return 2 * vocabulary.most_brackets + null + 2 +
         std::max({call, whens, cast, between, with, query + named, 2 * (cost(kBy) + null)});
}

}  // namespace sqlforge
