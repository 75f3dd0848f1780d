// Electrons in the LHCb-like calorimeter of calojax, with Geant4 alone or with an exported generator at its front face.
//
//   example MODEL.onnx (full|single|batched) [events] [energy in GeV]
//
// It prints the visible energy of each event over that of the electron (0.173 is right), and the CPU time an event took.

#include <G4Box.hh>
#include <G4Electron.hh>
#include <G4EmStandardPhysics.hh>
#include <G4Event.hh>
#include <G4FastSimulationPhysics.hh>
#include <G4LogicalVolume.hh>
#include <G4NistManager.hh>
#include <G4PVPlacement.hh>
#include <G4ParticleGun.hh>
#include <G4ProductionCutsTable.hh>
#include <G4Region.hh>
#include <G4RunManagerFactory.hh>
#include <G4SDManager.hh>
#include <G4Step.hh>
#include <G4SystemOfUnits.hh>
#include <G4UserEventAction.hh>
#include <G4VFastSimSensitiveDetector.hh>
#include <G4VModularPhysicsList.hh>
#include <G4VSensitiveDetector.hh>
#include <G4VUserActionInitialization.hh>
#include <G4VUserDetectorConstruction.hh>
#include <G4VUserPrimaryGeneratorAction.hh>

#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <utility>

#include "fast_model.h"

namespace {

constexpr int PAIRS = 66, SIDE_CELLS = 30;
constexpr G4double LEAD = 2 * mm, SCINTILLATOR = 4 * mm, PITCH = 20.2 * mm, SIDE = SIDE_CELLS * PITCH;
constexpr G4double LENGTH = PAIRS * (LEAD + SCINTILLATOR), FRONT = -LENGTH / 2;
// Somewhere in a scintillator: the 26th, some 150 mm deep.
constexpr G4double DEPOSITS = FRONT + 25 * (LEAD + SCINTILLATOR) + LEAD + SCINTILLATOR / 2;

// The energy of the scintillators, of steps, of hits of the fast simulation, and of batches: an experiment's has cells of its own.
class Scintillators : public G4VSensitiveDetector, public G4VFastSimSensitiveDetector, public calojax::ShowerSink {
 public:
  Scintillators() : G4VSensitiveDetector("scintillators") {}
  void Initialize(G4HCofThisEvent*) override { energy = 0; }
  void deposit(const Origin&, const std::vector<G4double>& energies) override {
    for (G4double cell : energies) energy += cell;
  }

  G4double energy = 0;

 private:
  G4bool ProcessHits(G4Step* step, G4TouchableHistory*) override {
    energy += step->GetTotalEnergyDeposit();
    return true;
  }
  G4bool ProcessHits(const G4FastHit* hit, const G4FastTrack*, G4TouchableHistory*) override {
    energy += hit->GetEnergy();
    return true;
  }
};

class Construction : public G4VUserDetectorConstruction {
 public:
  Construction(std::string model, std::string mode) : mode_(std::move(mode)) {
    settings_.model = std::move(model);
    settings_.front = FRONT;
  }

  G4VPhysicalVolume* Construct() override {
    auto* nist = G4NistManager::Instance();
    auto box = [&](const char* name, G4double side, G4double thickness, const char* material) {
      return new G4LogicalVolume(new G4Box(name, side / 2, side / 2, thickness / 2), nist->FindOrBuildMaterial(material), name);
    };
    auto* world = box("world", SIDE + 20 * mm, LENGTH + 40 * mm, "G4_Galactic");
    auto* calorimeter = box("calorimeter", SIDE, LENGTH, "G4_Pb");  // the lead is what the scintillators leave of it
    scintillator_ = box("scintillator", SIDE, SCINTILLATOR, "G4_PLASTIC_SC_VINYLTOLUENE");
    for (int i = 0; i < PAIRS; ++i)
      new G4PVPlacement(nullptr, {0, 0, FRONT + i * (LEAD + SCINTILLATOR) + LEAD + SCINTILLATOR / 2}, scintillator_, "scintillator",
                        calorimeter, false, i);
    new G4PVPlacement(nullptr, {}, calorimeter, "calorimeter", world, false, 0);
    // The envelope is a region, whose root volume has the coordinates that the model speaks of.
    envelope_ = new G4Region("calorimeter");
    envelope_->SetProductionCuts(G4ProductionCutsTable::GetProductionCutsTable()->GetDefaultProductionCuts());
    envelope_->AddRootLogicalVolume(calorimeter);
    return new G4PVPlacement(nullptr, {}, world, "world", nullptr, false, 0);
  }

  void ConstructSDandField() override {  // once a thread
    auto* detector = new Scintillators;
    G4SDManager::GetSDMpointer()->AddNewDetector(detector);
    SetSensitiveDetector(scintillator_, detector);
    if (mode_ == "single")
      new calojax::SingleShowers("calojax", envelope_, settings_, calojax::grid(SIDE_CELLS, SIDE_CELLS, PITCH, PITCH, DEPOSITS));
    if (mode_ == "batched") new calojax::BatchedShowers("calojax", envelope_, settings_, *detector);
  }

 private:
  std::string mode_;
  calojax::FastSettings settings_;
  G4LogicalVolume* scintillator_ = nullptr;
  G4Region* envelope_ = nullptr;
};

class Gun : public G4VUserPrimaryGeneratorAction {
 public:
  explicit Gun(G4double energy) {
    gun_.SetParticleDefinition(G4Electron::Definition());
    gun_.SetParticleEnergy(energy);
    gun_.SetParticleMomentumDirection(G4ThreeVector(0, 0, 1));
    gun_.SetParticlePosition({3 * mm, -2 * mm, FRONT - 5 * mm});
  }
  void GeneratePrimaries(G4Event* event) override { gun_.GeneratePrimaryVertex(event); }

 private:
  G4ParticleGun gun_;
};

class Report : public G4UserEventAction {
 public:
  explicit Report(G4double energy) : energy_(energy) {}
  void BeginOfEventAction(const G4Event*) override { began_ = std::clock(); }
  void EndOfEventAction(const G4Event* event) override {
    const auto* detector = static_cast<Scintillators*>(G4SDManager::GetSDMpointer()->FindSensitiveDetector("scintillators"));
    G4cout << "event " << event->GetEventID() << ": response " << detector->energy / energy_ << ", "
           << 1e3 * double(std::clock() - began_) / CLOCKS_PER_SEC << " ms" << G4endl;
  }

 private:
  G4double energy_;
  std::clock_t began_ = 0;
};

class Actions : public G4VUserActionInitialization {
 public:
  explicit Actions(G4double energy) : energy_(energy) {}
  void Build() const override {
    SetUserAction(new Gun(energy_));
    SetUserAction(new Report(energy_));
  }

 private:
  G4double energy_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    G4cerr << "usage: example MODEL.onnx (full|single|batched) [events] [energy in GeV]" << G4endl;
    return 2;
  }
  const int events = argc > 3 ? std::atoi(argv[3]) : 10;
  const G4double energy = (argc > 4 ? std::atof(argv[4]) : 10) * GeV;
  std::unique_ptr<G4RunManager> run(G4RunManagerFactory::CreateRunManager(G4RunManagerType::SerialOnly));
  run->SetUserInitialization(new Construction(argv[1], argv[2]));
  auto* physics = new G4VModularPhysicsList;
  physics->RegisterPhysics(new G4EmStandardPhysics);
  auto* fast = new G4FastSimulationPhysics;
  fast->ActivateFastSimulation("e-");
  physics->RegisterPhysics(fast);
  run->SetUserInitialization(physics);
  run->SetUserInitialization(new Actions(energy));
  run->Initialize();
  run->BeamOn(events);
  return 0;
}
