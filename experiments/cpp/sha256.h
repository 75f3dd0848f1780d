#pragma once

#include <string>

namespace calojax {

// SHA-256 of the bytes as 64 hexadecimal digits (FIPS 180-4).
std::string sha256(std::string bytes);

}  // namespace calojax
