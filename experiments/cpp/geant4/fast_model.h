#pragma once

#include <G4FastSimHitMaker.hh>
#include <G4ThreeVector.hh>
#include <G4VFastSimulationModel.hh>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "generator.h"
#include "sidecar.h"

namespace calojax {

// What an exported generator is told of the calorimeter, whose envelope's z axis points into it.
struct FastSettings {
  std::string model;                   // generator.opset*.onnx, with its model.json beside
  G4double front = 0;                  // z of the front face in the envelope's coordinates
  std::vector<G4int> particles = {11};  // PDG codes of what it was trained on
};

// Fast simulation of a calorimeter: a particle that comes to the front face, and that the training had, is killed there and handed on
// as conditions of the generator; what the training had not is left to Geant4. One object a thread, made in ConstructSDandField.
class FastModel : public G4VFastSimulationModel {
 public:
  // Throws Refused: a model that cannot be read, or no model.json beside it.
  FastModel(const G4String& name, G4Region* envelope, const FastSettings& settings);

  G4bool IsApplicable(const G4ParticleDefinition& particle) override;
  G4bool ModelTrigger(const G4FastTrack& track) override;
  void DoIt(const G4FastTrack& track, G4FastStep& step) override;

  std::size_t cells() const { return generator_.cells(); }

 protected:
  // What becomes of a particle that was stopped; `noise` are its latent() standard normal numbers, drawn from Geant4's engine.
  virtual void stopped(const G4FastTrack& track, const Particle& particle, const std::vector<float>& noise) = 0;
  // Showers `[particles, cells()]`, MeV. Throws Refused: an energy that is no number.
  const std::vector<float>& generated(const Particles& particles, const std::vector<float>& noise);

 private:
  Generator generator_;
  G4double front_;
  std::vector<G4int> particles_;
  std::array<Range, 5> ranges_;
  std::vector<float> energies_;
};

// Each shower is made at once and deposited by G4FastSimHitMaker, in whatever sensitive detectors lie at the cells' centres.
class SingleShowers : public FastModel {
 public:
  // `centres`: where the energy of each cell goes, in the envelope's coordinates, inside a sensitive volume; in the order of model.json.
  // Throws Refused: as FastModel, or another number of centres than cells.
  SingleShowers(const G4String& name, G4Region* envelope, const FastSettings& settings, std::vector<G4ThreeVector> centres);

 private:
  void stopped(const G4FastTrack& track, const Particle& particle, const std::vector<float>& noise) override;

  std::vector<G4ThreeVector> centres_;
  G4FastSimHitMaker hits_;
};

// What showers of a batch are handed to: the sensitive detector of the cells, usually.
class ShowerSink {
 public:
  struct Origin {
    G4int track;    // Geant4's number of the particle that was stopped
    G4double time;  // global, when it was
  };

  virtual ~ShowerSink() = default;
  // Adds a shower to the event: `energies` of all cells, in the order of model.json and in Geant4's unit of energy.
  virtual void deposit(const Origin& origin, const std::vector<G4double>& energies) = 0;
};

// The showers of an event are made together when its last track has been simulated, before sensitive detectors end the event.
class BatchedShowers : public FastModel {
 public:
  // The sink has to outlive the model; `batch` showers at a time.
  BatchedShowers(const G4String& name, G4Region* envelope, const FastSettings& settings, ShowerSink& sink, std::size_t batch = 100);

  void Flush() override;

 private:
  void stopped(const G4FastTrack& track, const Particle& particle, const std::vector<float>& noise) override;
  void fill();

  ShowerSink& sink_;
  std::size_t batch_;
  Particles particles_;
  std::vector<float> noise_;
  std::vector<ShowerSink::Origin> origins_;
};

// Centres of nx x ny cells around x = y = 0 at a depth z, x the slower index: those of a layer of calojax.
std::vector<G4ThreeVector> grid(int nx, int ny, G4double pitch_x, G4double pitch_y, G4double z);

}  // namespace calojax
