// One query under way, and the set of tokens that may come next.
#pragma once
#include <memory>

#include "completion.hpp"

namespace sqlforge {

// What is known of the state that a cursor is in; a copy finds it out for itself.
struct OwnMemo {
  std::unique_ptr<Memo> memo;
  bool current = false;  // of the state as it is

  OwnMemo() = default;
  OwnMemo(OwnMemo&&) = default;
  OwnMemo(const OwnMemo&) {}
};

class Cursor {
 public:
  // With `values`, text columns are compared with these literals only.
  Cursor(std::shared_ptr<const Language> language, int budget,
         const std::vector<std::string>* values = nullptr);

  // Takes a token; false, and nothing changed, if it may not come now.
  bool advance(int token);
  void fill(uint32_t* words) const;  // the mask, all of its words
  void shorten(int budget);  // to so many tokens, or as few as the way out takes
  int words() const;
  bool finished() const { return finished_; }
  bool may_end() const;
  int budget() const { return budget_; }
  int needed() const;  // tokens of a certain way out, the end token included
  const std::string& text() const { return text_; }

 private:
  // Letters that an alias of anybody's invention may still have; -1: there is none here.
  int free_name(Memo& memo, int left, bool& close) const;
  // The same, once a blank ends what is open; the place goes there.
  int free_name_after_blank(Place& place, Lexer& lexer, int left, bool& close) const;
  // Writes the short aliases that may come next, whole tokens at most a blank away, into a mask;
  // false, and none of them, where not all of them leave enough of `left` tokens.
  bool add_short_names(Memo& own, uint32_t* words, int left) const;
  Memo& own_memo() const;
  int way_out(const State& state, const Lexer& lexer) const;
  int slack_in_text(Memo& memo, int left) const;  // tokens left beyond the way out of a literal
  bool roomy() const;  // whatever token comes, the way out stays within the budget
  bool fits(const State& state, const Lexer& lexer, int left) const;

  std::shared_ptr<const Language> language_;
  std::shared_ptr<const Values> values_;
  State state_;
  Lexer lexer_;
  mutable OwnMemo own_;
  int budget_;
  mutable int growth_ = 0;
  mutable int bound_ = 1 << 20;  // no more tokens than this are needed after any one token
  bool finished_ = false;
  std::string text_;
};

}  // namespace sqlforge
