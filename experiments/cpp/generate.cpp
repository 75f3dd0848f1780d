// Showers of an exported generator, written to a file that numpy.load reads.
//
//   generate model/generator.opset17.onnx --output showers.npy --count 1000 --energy 20000

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "generator.h"
#include "noise.h"
#include "npy.h"
#include "particles.h"
#include "refused.h"
#include "sidecar.h"

namespace {

using calojax::Generator;
using calojax::Particles;
using calojax::Refused;

constexpr int BAD_INPUT = 2;
constexpr const char* USAGE =
    "usage: generate MODEL.onnx --output SHOWERS.npy (--particles FILE | --count N --energy MEV)\n"
    "                [--batch N] [--seed N] [--threads N] [--noise FILE]\n"
    "  --particles  text, a line each: energy (MeV), x, y (mm on the front face), dx, dy, dz (unit vector)\n"
    "  --count      as many particles of --energy at x = y = 0, perpendicular to the front face\n"
    "  --batch      showers at a time, 100 if not given; the showers do not depend on it\n"
    "  --seed       of the noise, 0 if not given\n"
    "  --threads    of ONNX Runtime, 1 if not given\n"
    "  --noise      raw float32 standard normal numbers instead, as many as showers times noise variables\n";

struct Options {
  std::string model;
  std::map<std::string, std::string> values = {{"output", ""}, {"particles", ""}, {"count", ""}, {"energy", ""},
                                               {"batch", "100"}, {"seed", "0"}, {"threads", "1"}, {"noise", ""}};
};

Options parse(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string name = words[i].substr(0, 2) == "--" ? words[i].substr(2) : "";
    if (name.empty() && options.model.empty()) {
      options.model = words[i];
    } else if (!options.values.count(name)) {
      throw Refused("'" + words[i] + "' is not known: generate --help");
    } else if (i + 1 == words.size()) {
      throw Refused(words[i] + " has no value");
    } else {
      options.values[name] = words[++i];
    }
  }
  if (options.model.empty()) throw Refused("no model is given: generate --help");
  if (options.values["output"].empty()) throw Refused("no --output is given: generate --help");
  return options;
}

std::uint64_t whole(Options& options, const std::string& name, std::uint64_t least, std::uint64_t most) {
  const std::string& word = options.values[name];
  const bool digits = !word.empty() && word.size() < 19 && word.find_first_not_of("0123456789") == std::string::npos;
  const std::uint64_t number = digits ? std::strtoull(word.c_str(), nullptr, 10) : 0;
  if (!digits || number < least || number > most)
    throw Refused(name + " is '" + word + "', expected a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return number;
}

Particles requested(Options& options) {
  const bool gun = !options.values["count"].empty() && !options.values["energy"].empty();
  const bool none = options.values["count"].empty() && options.values["energy"].empty();
  if (options.values["particles"].empty() ? !gun : !none) throw Refused("expected either --particles or both of --count and --energy");
  if (!gun) return calojax::read_particles(options.values["particles"]);
  const std::string& word = options.values["energy"];
  char* end = nullptr;
  const float energy = std::strtof(word.c_str(), &end);
  if (*end) throw Refused("energy is '" + word + "', expected a number (MeV)");
  Particles particles;
  for (std::uint64_t left = whole(options, "count", 1, 1'000'000'000); left > 0; --left) particles.add({energy, {0, 0}, {0, 0, 1}}, "");
  return particles;
}

// The numbers of a raw float32 file.
std::vector<float> read_noise(const std::string& path, std::size_t count) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Refused("noise: cannot read " + path);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() != count * sizeof(float))
    throw Refused("noise: " + path + " has " + std::to_string(bytes.size()) + " bytes, expected " + std::to_string(count * sizeof(float)));
  std::vector<float> noise(count);
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(noise.data()));
  for (float number : noise)
    if (!std::isfinite(number)) throw Refused("noise: " + path + " has " + std::to_string(number) + ", expected finite numbers");
  return noise;
}

void expect_finite(const std::vector<float>& energies, std::size_t values) {
  for (std::size_t i = 0; i < values; ++i)
    if (!std::isfinite(energies[i])) throw Refused("the model made an energy of " + std::to_string(energies[i]) + " MeV");
}

// What the inference took, in milliseconds a shower: by the clock for each batch, and of the processor on average.
struct Times {
  std::vector<double> batches;
  double processor = 0;
};

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// Writes the showers and returns how long the inference took.
Times write(Options& options, Generator& generator, const Particles& particles) {
  const std::size_t count = particles.size(), latent = generator.latent(), cells = generator.cells();
  const std::size_t batch = std::min<std::size_t>(count, whole(options, "batch", 1, 1'000'000));
  calojax::Noise draw(whole(options, "seed", 0, 999'999'999'999'999'999));
  std::vector<float> given, noise(batch * latent), energies(batch * cells);
  if (!options.values["noise"].empty()) given = read_noise(options.values["noise"], count * latent);
  calojax::NpyFile output(options.values["output"], count, cells);
  Times times;
  for (std::size_t first = 0; first < count; first += batch) {
    const std::size_t now = std::min(batch, count - first);
    if (given.empty()) std::generate_n(noise.begin(), now * latent, [&draw] { return draw(); });
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t processor = std::clock();
    generator.generate(particles, first, now, given.empty() ? noise.data() : &given[first * latent], energies.data());
    times.processor += 1e3 * (std::clock() - processor) / CLOCKS_PER_SEC / count;
    times.batches.push_back(milliseconds_since(start) / now);
    expect_finite(energies, now * cells);
    output.append(energies.data(), now * cells);
  }
  output.finish();
  return times;
}

void run(const std::vector<std::string>& words) {
  Options options = parse(words);
  const Particles particles = requested(options);
  const int threads = static_cast<int>(whole(options, "threads", 1, 1024));
  Generator generator(options.model, threads);
  for (const std::string& note : calojax::check_sidecar(options.model, particles)) std::cerr << "generate: warning: " << note << '\n';
  const auto start = std::chrono::steady_clock::now();
  auto [batches, processor] = write(options, generator, particles);
  const double seconds = milliseconds_since(start) / 1e3;
  const auto median = batches.begin() + batches.size() / 2;
  std::nth_element(batches.begin(), median, batches.end());
  std::printf("%zu showers of %zu cells: %.1f showers/s; inference %.5f ms a shower (median of %zu batches), %.5f ms of the processor\n",
              particles.size(), generator.cells(), particles.size() / seconds, *median, batches.size(), processor);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty() || words[0] == "--help") {
    std::cout << USAGE;
    return 0;
  }
  try {
    run(words);
    return 0;
  } catch (const Refused& error) {
    std::cerr << "generate: " << error.what() << '\n';
    return BAD_INPUT;
  } catch (const std::exception& error) {
    std::cerr << "generate: failed: " << error.what() << '\n';
    return 1;
  }
}
