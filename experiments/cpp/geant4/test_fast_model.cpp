// What the fast model does to Geant4, seen through the stub; the showers are written for tests/test_cpp.py to compare.
//
//   test_fast_model MODEL.onnx PARTICLES NOISE.f32 OUTPUT.f32 (single|batched)
//
// PARTICLES as `generate` reads them, NOISE raw float32 [particles, latent], OUTPUT raw float64 [particles, 900].

#include <G4FastSimHitMaker.hh>
#include <Randomize.hh>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

#include "fast_model.h"
#include "refused.h"

namespace {

constexpr G4double FRONT = -198;  // of a stack of 396 mm in its own coordinates

void expect(bool holds, const std::string& what) {
  if (holds) return;
  std::cerr << "test_fast_model: " << what << '\n';
  std::exit(1);
}

struct Cells : calojax::ShowerSink {
  std::vector<std::vector<G4double>> showers;
  std::vector<Origin> origins;

  void deposit(const Origin& origin, const std::vector<G4double>& energies) override {
    origins.push_back(origin);
    showers.push_back(energies);
  }
};

// A track at the front face, of a particle of the file.
struct Arriving {
  G4Track track;
  G4FastTrack fast;

  Arriving(const calojax::Particles& p, std::size_t i, double dz = 0, double scale = 1, double sign = 1)
      : track(scale * p.energy[i], static_cast<G4int>(i) + 7, 0.5 * i),
        fast(track, {p.position[2 * i], p.position[2 * i + 1], FRONT + dz},
             {p.direction[3 * i], p.direction[3 * i + 1], sign * p.direction[3 * i + 2]}) {}
};

void triggers(calojax::FastModel& model, const calojax::Particles& particles) {
  expect(model.IsApplicable(G4ParticleDefinition(11)) && !model.IsApplicable(G4ParticleDefinition(22)), "applies to electrons alone");
  expect(model.ModelTrigger(Arriving(particles, 0).fast), "takes an electron at the front face");
  expect(!model.ModelTrigger(Arriving(particles, 0, 1).fast), "leaves what starts inside");
  expect(!model.ModelTrigger(Arriving(particles, 0, 0, 1e3).fast), "leaves what is above the training's energies");
  expect(!model.ModelTrigger(Arriving(particles, 0, 0, 1e-3).fast), "leaves what is below them");
  expect(!model.ModelTrigger(Arriving(particles, 0, 0, 1, -1).fast), "leaves what comes out of the calorimeter");
}

void stop(calojax::FastModel& model, const Arriving& arriving) {
  G4FastStep step;
  model.DoIt(arriving.fast, step);
  expect(step.killed && step.path == 0 && step.deposited == 0, "kills the particle where it is");
}

// The shower of the hits, which all have to lie at the centres of cells.
std::vector<G4double> shower(const std::vector<G4ThreeVector>& centres) {
  std::map<std::pair<double, double>, std::size_t> cells;
  for (std::size_t i = 0; i < centres.size(); ++i) cells[{centres[i].x(), centres[i].y()}] = i;
  std::vector<G4double> energies(centres.size());
  for (const G4FastHit& hit : G4FastSimHitMaker::made) {
    if (hit.GetEnergy() < 1e-300) continue;  // the one that only wakes the hit maker
    const auto found = cells.find({hit.GetPosition().x(), hit.GetPosition().y()});
    expect(found != cells.end() && hit.GetPosition().z() == centres[found->second].z(), "deposits at the centres of cells");
    energies[found->second] += hit.GetEnergy();
  }
  G4FastSimHitMaker::made.clear();
  return energies;
}

std::vector<std::vector<G4double>> single(const calojax::FastSettings& settings, const calojax::Particles& particles) {
  const auto centres = calojax::grid(30, 30, 20.2 * mm, 20.2 * mm, FRONT + 154 * mm);
  expect(std::abs(centres[1].y() - centres[0].y() - 20.2) < 1e-9 && centres[1].x() == centres[0].x(), "has y as the faster index");
  G4Region region;
  try {
    calojax::SingleShowers("few", &region, settings, {centres.begin(), centres.end() - 1});
    expect(false, "refuses a wrong number of centres");
  } catch (const calojax::Refused& error) {
    if (!std::strstr(error.what(), "899 centres of cells, expected the 900")) throw;
  }
  calojax::SingleShowers model("single", &region, settings, centres);
  triggers(model, particles);
  std::vector<std::vector<G4double>> showers;
  for (std::size_t i = 0; i < particles.size(); ++i) {
    stop(model, Arriving(particles, i));
    showers.push_back(shower(centres));
  }
  return showers;
}

std::vector<std::vector<G4double>> batched(const calojax::FastSettings& settings, const calojax::Particles& particles) {
  G4Region region;
  Cells cells;
  calojax::BatchedShowers model("batched", &region, settings, cells, particles.size() - 1);
  triggers(model, particles);
  for (std::size_t i = 0; i < particles.size(); ++i) {
    expect(cells.showers.empty() || i == particles.size() - 1, "waits for a batch");
    stop(model, Arriving(particles, i));
  }
  expect(cells.showers.size() == particles.size() - 1, "makes a batch when it is full");
  model.Flush();
  model.Flush();
  expect(cells.showers.size() == particles.size() && G4FastSimHitMaker::made.empty(), "makes the rest at the end of the event, once");
  for (std::size_t i = 0; i < particles.size(); ++i)
    expect(cells.origins[i].track == static_cast<G4int>(i) + 7 && cells.origins[i].time == 0.5 * i, "tells whose shower it is");
  return cells.showers;
}

}  // namespace

int main(int argc, char** argv) {
  expect(argc == 6, "usage: test_fast_model MODEL.onnx PARTICLES NOISE.f32 OUTPUT.f32 (single|batched)");
  std::ifstream noise(argv[3], std::ios::binary);
  G4RandGauss::source = [&noise] {
    float number = 0;
    noise.read(reinterpret_cast<char*>(&number), sizeof number);
    expect(static_cast<bool>(noise), "takes no more noise than there is");
    return double(number);
  };
  try {
    calojax::FastSettings settings;
    settings.model = argv[1];
    settings.front = FRONT;
    const calojax::Particles particles = calojax::read_particles(argv[2]);
    const auto showers = (std::strcmp(argv[5], "single") ? batched : single)(settings, particles);
    std::ofstream output(argv[4], std::ios::binary);
    for (const auto& energies : showers) output.write(reinterpret_cast<const char*>(energies.data()), energies.size() * sizeof(G4double));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "test_fast_model: " << error.what() << '\n';
    return 2;
  }
}
