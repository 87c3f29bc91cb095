// What Python sees: a vocabulary, a language (one schema), cursors, masks filled by native threads.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <atomic>
#include <optional>

#include "mask.hpp"
#include "pool.hpp"

namespace py = pybind11;
using namespace sqlforge;

namespace {

using Tables = std::vector<GivenTable>;
using Keys = std::vector<std::array<std::string, 4>>;

struct Rows {
  int32_t* data;
  py::ssize_t stride;  // in words
};

Rows rows_of(const py::buffer& out, size_t rows, int words) {
  const py::buffer_info info = out.request(true);
  if (info.ndim != 2 || info.itemsize != 4 || size_t(info.shape[0]) < rows ||
      info.shape[1] != words || info.strides[1] != 4)
    throw py::value_error("masks go to an int32 array of shape [rows, " + std::to_string(words) + "]");
  return {static_cast<int32_t*>(info.ptr), info.strides[0] / 4};
}

// Advances each cursor by its token (if tokens are given and it is not negative), then fills.
// Returns the row of the first token that was refused, or -1.
int fill_all(const std::vector<Cursor*>& cursors, const std::vector<int>& tokens, const py::buffer& out,
             int words, int threads) {
  const Rows rows = rows_of(out, cursors.size(), words);
  if (!tokens.empty() && tokens.size() != cursors.size())
    throw py::value_error("as many tokens as cursors, or none");
  for (const Cursor* cursor : cursors)
    if (cursor && cursor->words() > words)
      throw py::value_error("a mask takes " + std::to_string(cursor->words()) + " words");
  std::atomic<int> refused{-1};
  {
    py::gil_scoped_release release;
    Pool::shared().each(int(cursors.size()), threads, [&](int i) {
      auto* row = reinterpret_cast<uint32_t*>(rows.data + i * rows.stride);
      if (!cursors[i]) {
        std::fill(row, row + words, ~0u);
        return;
      }
      if (!tokens.empty() && tokens[i] >= 0 && !cursors[i]->advance(tokens[i])) refused = i;
      cursors[i]->fill(row);
      std::fill(row + cursors[i]->words(), row + words, 0u);  // a model may have more tokens
    });
  }
  return refused;
}

}  // namespace

PYBIND11_MODULE(_native, m) {
  py::class_<Vocabulary, std::shared_ptr<Vocabulary>>(m, "Vocabulary")
      .def(py::init([](const std::vector<std::optional<py::bytes>>& tokens, std::vector<int32_t> eos) {
        std::vector<std::string> text;
        std::vector<bool> usable;
        for (const auto& token : tokens) {
          text.push_back(token ? std::string(*token) : std::string());
          usable.push_back(token.has_value());
        }
        return std::make_shared<Vocabulary>(std::move(text), std::move(usable), std::move(eos));
      }))
      .def_property_readonly("words", &Vocabulary::words);
  py::class_<Language, std::shared_ptr<Language>>(m, "Language")
      .def(py::init([](const Vocabulary& v, const Tables& tables, const Keys& keys) {
             return std::make_shared<Language>(v, tables, keys);
           }),
           py::keep_alive<1, 2>());
  py::class_<Cursor>(m, "Cursor")
      .def(py::init([](std::shared_ptr<Language> language, int budget,
                       const std::optional<std::vector<std::string>>& values) {
        return Cursor(std::move(language), budget, values ? &*values : nullptr);
      }), py::keep_alive<1, 2>())
      .def("advance", &Cursor::advance)
      .def("shorten", &Cursor::shorten)
      .def("copy", [](const Cursor& c) { return Cursor(c); }, py::keep_alive<0, 1>())
      .def_property_readonly("finished", &Cursor::finished)
      .def_property_readonly("may_end", &Cursor::may_end)
      .def_property_readonly("budget", &Cursor::budget)
      .def_property_readonly("needed", &Cursor::needed)
      .def_property_readonly("text", [](const Cursor& c) { return py::bytes(c.text()); });
  m.def("fill", &fill_all);
}
