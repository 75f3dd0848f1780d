#pragma once

// The few classes of Geant4 that fast_model.cpp touches, as far as it does, with what a test sets and looks at. The names and signatures
// are those of Geant4 11.4; where Geant4 is installed, the same sources are compiled against its own headers as well.

#include <functional>
#include <string>
#include <utility>
#include <vector>

using G4bool = bool;
using G4int = int;
using G4double = double;
using G4String = std::string;

static constexpr double mm = 1.0, MeV = 1.0;

class G4ThreeVector {
 public:
  G4ThreeVector(double x = 0, double y = 0, double z = 0) : x_(x), y_(y), z_(z) {}
  double x() const { return x_; }
  double y() const { return y_; }
  double z() const { return z_; }

 private:
  double x_, y_, z_;
};

class G4RandGauss {
 public:
  static double shoot() { return source(); }
  static inline std::function<double()> source;
};

class G4ParticleDefinition {
 public:
  explicit G4ParticleDefinition(G4int code) : code_(code) {}
  G4int GetPDGEncoding() const { return code_; }

 private:
  G4int code_;
};

class G4Track {
 public:
  G4Track(G4double energy, G4int number, G4double time) : energy_(energy), number_(number), time_(time) {}
  G4double GetKineticEnergy() const { return energy_; }
  G4int GetTrackID() const { return number_; }
  G4double GetGlobalTime() const { return time_; }

 private:
  G4double energy_;
  G4int number_;
  G4double time_;
};

class G4Region {};
using G4Envelope = G4Region;

class G4FastTrack {
 public:
  G4FastTrack(const G4Track& track, G4ThreeVector position, G4ThreeVector direction) : track_(&track), position_(position), direction_(direction) {}
  const G4Track* GetPrimaryTrack() const { return track_; }
  G4ThreeVector GetPrimaryTrackLocalPosition() const { return position_; }
  G4ThreeVector GetPrimaryTrackLocalDirection() const { return direction_; }

 private:
  const G4Track* track_;
  G4ThreeVector position_, direction_;
};

class G4FastStep {
 public:
  void KillPrimaryTrack() { killed = true; }
  void ProposePrimaryTrackPathLength(G4double length) { path = length; }
  void ProposeTotalEnergyDeposited(G4double energy) { deposited = energy; }

  bool killed = false;
  G4double path = -1, deposited = -1;
};

class G4FastHit {
 public:
  G4FastHit(const G4ThreeVector& position, G4double energy) : energy_(energy), position_(position) {}
  G4double GetEnergy() const { return energy_; }
  G4ThreeVector GetPosition() const { return position_; }

 private:
  G4double energy_;
  G4ThreeVector position_;
};

class G4FastSimHitMaker {
 public:
  // As in Geant4, the first hit is located where the track is.
  void make(const G4FastHit& hit, const G4FastTrack& track) {
    if (hit.GetEnergy() <= 0) return;
    made.emplace_back(located_ ? hit.GetPosition() : track.GetPrimaryTrackLocalPosition(), hit.GetEnergy());
    located_ = true;
  }
  static inline std::vector<G4FastHit> made;

 private:
  bool located_ = false;
};

class G4VFastSimulationModel {
 public:
  G4VFastSimulationModel(const G4String& name, G4Envelope*) : name_(name) {}
  virtual ~G4VFastSimulationModel() = default;
  virtual G4bool IsApplicable(const G4ParticleDefinition&) = 0;
  virtual G4bool ModelTrigger(const G4FastTrack&) = 0;
  virtual void DoIt(const G4FastTrack&, G4FastStep&) = 0;
  virtual void Flush() {}
  G4String GetName() const { return name_; }

 private:
  G4String name_;
};
