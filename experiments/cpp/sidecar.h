#pragma once

#include <string>
#include <vector>

#include "particles.h"

namespace calojax {

// What a user should be told of the model.json beside a model and of these particles: that there is none, and conditions outside the range
// of the training. Throws Refused: the model is not one of the files that model.json names, so it was altered or truncated.
std::vector<std::string> check_sidecar(const std::string& model, const Particles& particles);

}  // namespace calojax
