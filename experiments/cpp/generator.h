#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "particles.h"

namespace calojax {

// An exported generator in ONNX Runtime, on the CPU.
class Generator {
 public:
  // Reads generator.opset*.onnx. Throws Refused: no such file, or its inputs and output are not those of a generator.
  Generator(const std::string& path, int threads);
  ~Generator();

  std::size_t latent() const;  // noise variables of a shower
  std::size_t cells() const;   // of a shower, in the order of the geometry in model.json

  // Energies in MeV, `[count, cells()]`, of the particles from number `first` on; `noise` is `[count, latent()]`, standard normal.
  // Showers of one call are independent of one another, many at a time are faster.
  void generate(const Particles& particles, std::size_t first, std::size_t count, const float* noise, float* energies);

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace calojax
