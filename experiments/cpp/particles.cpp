#include "particles.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <sstream>

#include "refused.h"

namespace calojax {
namespace {

constexpr int COLUMNS = 6;

std::string shown(std::initializer_list<float> values) {
  std::ostringstream text;
  for (float value : values) text << (text.tellp() > 0 ? " " : "") << value;
  return text.str();
}

void expect_finite(const char* name, const float* values, int count, const std::string& where) {
  for (int i = 0; i < count; ++i)
    if (!std::isfinite(values[i])) throw Refused(where + name + " is " + shown({values[i]}) + ", expected finite numbers");
}

// The numbers of a line. Streams do not read "nan" and "inf", strtof does, so that the message can name them.
std::vector<float> numbers(const std::string& line, const std::string& where) {
  std::vector<float> found;
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    char* end = nullptr;
    found.push_back(std::strtof(word.c_str(), &end));
    if (*end) throw Refused(where + "'" + word + "' is no number");
  }
  if (found.size() != COLUMNS)
    throw Refused(where + std::to_string(found.size()) + " numbers, expected 6: energy x y dx dy dz");
  return found;
}

}  // namespace

void Particles::add(const Particle& p, const std::string& where) {
  expect_finite("energy (MeV)", &p.energy, 1, where);
  expect_finite("position (mm)", p.position, 2, where);
  expect_finite("direction", p.direction, 3, where);
  if (p.energy <= 0) throw Refused(where + "energy (MeV) is " + shown({p.energy}) + ", expected a value > 0");
  const float* d = p.direction;
  if (std::abs(std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]) - 1) > 1e-3f || d[2] <= 0)
    throw Refused(where + "direction is " + shown({d[0], d[1], d[2]}) + ", expected a unit vector with z > 0, into the calorimeter");
  energy.push_back(p.energy);
  position.insert(position.end(), p.position, p.position + 2);
  direction.insert(direction.end(), d, d + 3);
}

Particles read_particles(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Refused("particles: cannot read " + path);
  Particles particles;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string::npos || line[first] == '#') continue;
    const std::string where = path + ", line " + std::to_string(number) + ": ";
    const std::vector<float> v = numbers(line, where);
    particles.add({v[0], {v[1], v[2]}, {v[3], v[4], v[5]}}, where);
  }
  if (!particles.size()) throw Refused("particles: none in " + path);
  return particles;
}

}  // namespace calojax
