#pragma once

#include <cmath>
#include <cstdint>
#include <random>

namespace calojax {

// Standard normal numbers, the same for a seed whatever the standard library (std::normal_distribution is free to differ):
// the Mersenne twister is fixed by the standard, and Box and Muller's formula (1958) makes two normal numbers of two uniform ones.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : engine_(seed) {}

  float operator()() {
    if (!(odd_ = !odd_)) return static_cast<float>(second_);
    const double radius = std::sqrt(-2 * std::log(uniform())), angle = 2 * 3.14159265358979323846 * uniform();
    second_ = radius * std::sin(angle);
    return static_cast<float>(radius * std::cos(angle));
  }

 private:
  double uniform() { return (static_cast<double>(engine_() >> 11) + 1) * 0x1p-53; }  // in (0, 1]: no log 0

  std::mt19937_64 engine_;
  double second_ = 0;
  bool odd_ = false;
};

}  // namespace calojax
