#include "sidecar.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "refused.h"
#include "sha256.h"

namespace calojax {
namespace {

constexpr std::array<const char*, 5> CONDITIONS = {"energy", "x", "y", "dx/dz", "dy/dz"};

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The two numbers of `"ranges": {... "NAME": [LOW, HIGH]`. This is no reader of JSON: it reads what the export has written.
Range trained(const std::string& sidecar, const std::string& name) {
  std::size_t at = 0;
  for (const std::string& mark : {std::string("\"ranges\""), '"' + name + '"', std::string("[")}) {
    at = sidecar.find(mark, at);
    if (at == std::string::npos) throw Refused("model.json has no range of " + name);
    at += mark.size();
  }
  char* end = nullptr;
  const double low = std::strtod(sidecar.c_str() + at, &end);
  while (*end == ',') ++end;
  return {low, std::strtod(end, nullptr)};
}

// Every `stride`th value from `first` on, divided by those of `by` if there are.
Range found(const std::vector<float>& values, std::size_t stride, std::size_t first, bool slopes) {
  Range range{INFINITY, -INFINITY};
  for (std::size_t i = first; i < values.size(); i += stride) {
    const double value = slopes ? double(values[i]) / values[i - first + 2] : values[i];
    range = {std::min(range.low, value), std::max(range.high, value)};
  }
  return range;
}

void compare(std::vector<std::string>& notes, const std::string& sidecar, const std::string& name, const std::string& unit, Range range) {
  const Range known = trained(sidecar, name);
  const double slack = 1e-5 * std::max({std::abs(known.low), std::abs(known.high), 1e-3});
  if (range.low >= known.low - slack && range.high <= known.high + slack) return;
  std::ostringstream text;
  text << name << " from " << range.low << " to " << range.high << unit << " is outside the range that the generator was trained on, "
       << known.low << " to " << known.high << unit;
  notes.push_back(text.str());
}

// The model.json beside a model, which is one of its files; empty if there is none.
std::string beside(const std::string& model) {
  const std::string sidecar = content((std::filesystem::path(model).parent_path() / "model.json").string());
  if (sidecar.empty()) return sidecar;
  const std::string hash = sha256(content(model));
  if (sidecar.find('"' + hash + '"') == std::string::npos)
    throw Refused("model " + model + " was altered or truncated: model.json names no file of sha256 " + hash);
  return sidecar;
}

}  // namespace

std::array<Range, 5> trained_ranges(const std::string& model) {
  const std::string sidecar = beside(model);
  if (sidecar.empty()) throw Refused("no model.json beside " + model + ", expected what the export has written");
  std::array<Range, 5> ranges;
  std::transform(CONDITIONS.begin(), CONDITIONS.end(), ranges.begin(), [&](const char* name) { return trained(sidecar, name); });
  return ranges;
}

std::vector<std::string> check_sidecar(const std::string& model, const Particles& particles) {
  const std::string sidecar = beside(model);
  if (sidecar.empty()) return {"no model.json beside " + model + ": neither the file nor the range of the conditions is checked"};
  std::vector<std::string> notes;
  compare(notes, sidecar, "energy", " MeV", found(particles.energy, 1, 0, false));
  compare(notes, sidecar, "x", " mm", found(particles.position, 2, 0, false));
  compare(notes, sidecar, "y", " mm", found(particles.position, 2, 1, false));
  compare(notes, sidecar, "dx/dz", "", found(particles.direction, 3, 0, true));
  compare(notes, sidecar, "dy/dz", "", found(particles.direction, 3, 1, true));
  return notes;
}

}  // namespace calojax
