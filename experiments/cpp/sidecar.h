#pragma once

#include <array>
#include <string>
#include <vector>

#include "particles.h"

namespace calojax {

// What a user should be told of the model.json beside a model and of these particles: that there is none, and conditions outside the range
// of the training. Throws Refused: the model is not one of the files that model.json names, so it was altered or truncated.
std::vector<std::string> check_sidecar(const std::string& model, const Particles& particles);

struct Range {
  double low, high;
};

// What the training had of energy (MeV), x and y (mm), dx/dz and dy/dz, as the model.json beside a model tells it.
// Throws Refused: no model.json, or the model is not one of its files.
std::array<Range, 5> trained_ranges(const std::string& model);

}  // namespace calojax
