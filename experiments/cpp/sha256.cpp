#include "sha256.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace calojax {
namespace {

using Word = std::uint32_t;

Word turned(Word x, int by) { return x >> by | x << (32 - by); }

Word after_point(double root) { return static_cast<Word>((root - std::floor(root)) * 0x1p32); }

// First the 64 constants, from the cube roots of the first primes, then the first hash, from the square roots of the first eight.
std::array<Word, 72> constants() {
  std::array<Word, 72> found{};
  for (int number = 2, count = 0; count < 64; ++number) {
    bool prime = true;
    for (int d = 2; d * d <= number; ++d) prime = prime && number % d;
    if (!prime) continue;
    if (count < 8) found[64 + count] = after_point(std::sqrt(number));
    found[count++] = after_point(std::cbrt(number));
  }
  return found;
}

// The 64 words of a block of 16.
std::array<Word, 64> schedule(const unsigned char* block) {
  std::array<Word, 64> w{};
  for (int i = 0; i < 64; ++i) w[i / 4] = w[i / 4] << 8 | block[i];
  for (int i = 16; i < 64; ++i) {
    const Word a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (turned(a, 7) ^ turned(a, 18) ^ a >> 3) + w[i - 7] + (turned(b, 17) ^ turned(b, 19) ^ b >> 10);
  }
  return w;
}

void add_block(std::array<Word, 8>& hash, const unsigned char* block, const std::array<Word, 72>& k) {
  const std::array<Word, 64> w = schedule(block);
  auto [a, b, c, d, e, f, g, h] = hash;
  for (int i = 0; i < 64; ++i) {
    const Word first = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i];
    const Word second = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + first, d = c, c = b, b = a, a = first + second;
  }
  const std::array<Word, 8> change = {a, b, c, d, e, f, g, h};
  for (int i = 0; i < 8; ++i) hash[i] += change[i];
}

}  // namespace

std::string sha256(std::string bytes) {
  const std::uint64_t bits = 8 * static_cast<std::uint64_t>(bytes.size());
  bytes += '\x80';
  while (bytes.size() % 64 != 56) bytes += '\0';
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(bits >> shift);
  const std::array<Word, 72> k = constants();
  std::array<Word, 8> hash;
  for (int i = 0; i < 8; ++i) hash[i] = k[64 + i];
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  for (std::size_t at = 0; at < bytes.size(); at += 64) add_block(hash, data + at, k);
  std::string digits;
  for (Word word : hash)
    for (int shift = 28; shift >= 0; shift -= 4) digits += "0123456789abcdef"[word >> shift & 15];
  return digits;
}

}  // namespace calojax
