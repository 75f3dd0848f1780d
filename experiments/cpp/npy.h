#pragma once

#include <cstddef>
#include <fstream>
#include <string>

namespace calojax {

// A file of float32 rows that numpy.load reads. It is written as PATH.part and gets its name at the end; otherwise nothing is left.
class NpyFile {
 public:
  // Throws Refused if it cannot be written.
  NpyFile(const std::string& path, std::size_t rows, std::size_t columns);
  ~NpyFile();

  void append(const float* values, std::size_t count);  // row after row; throws Refused: disk full
  void finish();                                        // throws Refused as well; std::logic_error if values are missing

 private:
  [[noreturn]] void fail() const;

  std::string path_, part_;
  std::ofstream file_;
  std::size_t missing_;  // values
};

}  // namespace calojax
