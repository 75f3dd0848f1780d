#include "generator.h"

// The library may be older than the headers: ask it for a version of the interface that both have.
#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <vector>

#include "refused.h"

namespace calojax {
namespace {

constexpr std::uint32_t INTERFACE = 17;
constexpr std::int64_t ANY = -1;  // ONNX Runtime's word for a dimension that is no number
constexpr std::array<const char*, 4> INPUTS = {"noise", "energy", "position", "direction"};
constexpr const char* OUTPUT = "energies";

using Shape = std::vector<std::int64_t>;

const OrtApi* interface() {
  const OrtApi* api = OrtGetApiBase()->GetApi(INTERFACE);
  if (!api) throw Refused(std::string("ONNX Runtime is ") + OrtGetApiBase()->GetVersionString() + ", expected 1.17 or newer");
  return api;
}

std::string text(const Shape& shape) {
  std::string words;
  for (std::int64_t n : shape) words += (words.empty() ? "" : ", ") + (n == ANY ? std::string("any") : std::to_string(n));
  return "[" + words + "]";
}

// The shape of a float32 input or output; `expected` has 0 for a number that the model chooses.
Shape checked(const Ort::TypeInfo& info, const std::string& name, const Shape& expected) {
  if (info.GetONNXType() != ONNX_TYPE_TENSOR) throw Refused(name + " is no tensor");
  const auto tensor = info.GetTensorTypeAndShapeInfo();
  const Shape shape = tensor.GetShape();
  bool fits = tensor.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT && shape.size() == expected.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) fits = expected[i] ? shape[i] == expected[i] : shape[i] > 0;
  if (!fits) throw Refused(name + " has shape " + text(shape) + ", expected float32 " + text(expected) + " (0: any number)");
  return shape;
}

Ort::Value tensor(const float* values, std::size_t count, std::int64_t width) {
  static const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const std::int64_t shape[] = {static_cast<std::int64_t>(count), width};
  const std::size_t rank = width ? 2 : 1;
  // The interface has no tensor of constants; inputs are only read.
  return Ort::Value::CreateTensor<float>(memory, const_cast<float*>(values), count * (width ? width : 1), shape, rank);
}

}  // namespace

struct Generator::Session {
  Ort::Env environment{ORT_LOGGING_LEVEL_ERROR, "calojax"};
  Ort::Session session{nullptr};
  std::int64_t latent = 0, cells = 0;

  Session(const std::string& path, int threads) {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(threads);
    session = Ort::Session(environment, path.c_str(), options);
    expect_names();
    latent = checked(session.GetInputTypeInfo(0), "noise", {ANY, 0})[1];
    checked(session.GetInputTypeInfo(1), "energy", {ANY});
    checked(session.GetInputTypeInfo(2), "position", {ANY, 2});
    checked(session.GetInputTypeInfo(3), "direction", {ANY, 3});
    cells = checked(session.GetOutputTypeInfo(0), "energies", {ANY, 0})[1];
  }

  void expect_names() {
    const Ort::AllocatorWithDefaultOptions allocator;
    std::string found, expected;
    for (std::size_t i = 0; i < session.GetInputCount(); ++i) (found += session.GetInputNameAllocated(i, allocator).get()) += ' ';
    found += "->";
    for (std::size_t i = 0; i < session.GetOutputCount(); ++i) (found += ' ') += session.GetOutputNameAllocated(i, allocator).get();
    for (const char* name : INPUTS) (expected += name) += ' ';
    (expected += "-> ") += OUTPUT;
    if (found != expected) throw Refused("it computes " + found + ", expected " + expected);
  }
};

Generator::Generator(const std::string& path, int threads) {
  if (!std::ifstream(path)) throw Refused("model: cannot read " + path);
  Ort::InitApi(interface());
  try {
    session_ = std::make_unique<Session>(path, threads);
  } catch (const Ort::Exception& error) {
    throw Refused("model " + path + " is no ONNX file that can be read: " + error.what());
  } catch (const Refused& error) {
    throw Refused("model " + path + " is no generator: " + error.what());
  }
}

Generator::~Generator() = default;

std::size_t Generator::latent() const { return session_->latent; }

std::size_t Generator::cells() const { return session_->cells; }

void Generator::generate(const Particles& particles, std::size_t first, std::size_t count, const float* noise, float* energies) {
  const std::array<Ort::Value, 4> inputs = {
      tensor(noise, count, session_->latent), tensor(&particles.energy[first], count, 0),
      tensor(&particles.position[2 * first], count, 2), tensor(&particles.direction[3 * first], count, 3)};
  Ort::Value output = tensor(energies, count, session_->cells);
  session_->session.Run(Ort::RunOptions{nullptr}, INPUTS.data(), inputs.data(), inputs.size(), &OUTPUT, &output, 1);
}

}  // namespace calojax
