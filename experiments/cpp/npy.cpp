#include "npy.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "refused.h"

namespace calojax {
namespace {

bool little_endian() {
  const std::uint16_t one = 1;
  return *reinterpret_cast<const unsigned char*>(&one) == 1;
}

// Format 1.0 of https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html: the data begin at a multiple of 64 bytes.
std::string header(std::size_t rows, std::size_t columns) {
  std::string text = std::string("{'descr': '") + (little_endian() ? '<' : '>') + "f4', 'fortran_order': False, 'shape': (" +
                     std::to_string(rows) + ", " + std::to_string(columns) + "), }";
  while ((10 + text.size() + 1) % 64) text += ' ';
  text += '\n';
  const char length[] = {static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return std::string("\x93NUMPY\x01\x00", 8) + std::string(length, 2) + text;
}

}  // namespace

NpyFile::NpyFile(const std::string& path, std::size_t rows, std::size_t columns)
    : path_(path), part_(path + ".part"), missing_(rows * columns) {
  std::error_code ignored;
  const auto there = std::filesystem::status(path, ignored);
  if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there))  // the new file would take the place of a device
    throw Refused("output: " + path + " is there already and is no file");
  file_.open(part_, std::ios::binary | std::ios::trunc);
  const std::string text = header(rows, columns);
  if (!file_.write(text.data(), static_cast<std::streamsize>(text.size()))) fail();
}

NpyFile::~NpyFile() {
  if (!file_.is_open()) return;
  file_.close();
  std::remove(part_.c_str());
}

void NpyFile::append(const float* values, std::size_t count) {
  if (!file_.write(reinterpret_cast<const char*>(values), static_cast<std::streamsize>(count * sizeof(float)))) fail();
  missing_ -= count;
}

void NpyFile::finish() {
  if (missing_) throw std::logic_error(path_ + " lacks " + std::to_string(missing_) + " values");
  if (!file_.flush() || std::rename(part_.c_str(), path_.c_str())) fail();
  file_.close();
}

void NpyFile::fail() const { throw Refused("output: cannot write " + path_ + ": " + std::strerror(errno)); }

}  // namespace calojax
