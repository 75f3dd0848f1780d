#pragma once

#include <stdexcept>

namespace calojax {

// Bad input: the message names the value and what was expected.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace calojax
