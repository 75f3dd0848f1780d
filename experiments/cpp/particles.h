#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace calojax {

struct Particle {
  float energy;        // kinetic, MeV
  float position[2];   // x and y on the front face, mm
  float direction[3];  // unit vector, z into the calorimeter
};

// b particles in the arrays that the generator reads.
struct Particles {
  std::vector<float> energy;     // [b]
  std::vector<float> position;   // [b, 2]
  std::vector<float> direction;  // [b, 3]

  std::size_t size() const { return energy.size(); }

  // Throws Refused, beginning with `where`, if no particle has these values.
  void add(const Particle& particle, const std::string& where);
};

// The particles of a text file: energy x y dx dy dz in a line each; lines that are empty or begin with # are left out.
// Throws Refused: no such file, no particle in it, or a line that is none.
Particles read_particles(const std::string& path);

}  // namespace calojax
