#include "fast_model.h"

#include <G4FastHit.hh>
#include <G4ParticleDefinition.hh>
#include <G4SystemOfUnits.hh>
#include <G4Track.hh>
#include <Randomize.hh>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "refused.h"

namespace calojax {
namespace {

constexpr G4double ON_FACE = 1e-3 * mm;  // Geant4 ends a step at a boundary to 1e-9 mm; the transformation may cost some

}  // namespace

FastModel::FastModel(const G4String& name, G4Region* envelope, const FastSettings& settings)
    : G4VFastSimulationModel(name, envelope),
      generator_(settings.model, 1),
      front_(settings.front),
      particles_(settings.particles),
      ranges_(trained_ranges(settings.model)) {}

G4bool FastModel::IsApplicable(const G4ParticleDefinition& particle) {
  return std::find(particles_.begin(), particles_.end(), particle.GetPDGEncoding()) != particles_.end();
}

G4bool FastModel::ModelTrigger(const G4FastTrack& track) {
  const G4ThreeVector x = track.GetPrimaryTrackLocalPosition(), d = track.GetPrimaryTrackLocalDirection();
  if (std::abs(x.z() - front_) > ON_FACE || d.z() <= 0) return false;
  const std::array<double, 5> values = {track.GetPrimaryTrack()->GetKineticEnergy() / MeV, x.x() / mm, x.y() / mm, d.x() / d.z(), d.y() / d.z()};
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] < ranges_[i].low || values[i] > ranges_[i].high) return false;
  return true;
}

void FastModel::DoIt(const G4FastTrack& track, G4FastStep& step) {
  step.KillPrimaryTrack();
  step.ProposePrimaryTrackPathLength(0);
  step.ProposeTotalEnergyDeposited(0);  // of the step: the cells get theirs one by one
  const G4ThreeVector x = track.GetPrimaryTrackLocalPosition(), d = track.GetPrimaryTrackLocalDirection();
  const auto number = [](G4double value) { return static_cast<float>(value); };
  const Particle particle = {number(track.GetPrimaryTrack()->GetKineticEnergy() / MeV),
                             {number(x.x() / mm), number(x.y() / mm)},
                             {number(d.x()), number(d.y()), number(d.z())}};
  std::vector<float> noise(generator_.latent());
  std::generate(noise.begin(), noise.end(), [&] { return number(G4RandGauss::shoot()); });
  stopped(track, particle, noise);
}

const std::vector<float>& FastModel::generated(const Particles& particles, const std::vector<float>& noise) {
  energies_.resize(particles.size() * cells());
  generator_.generate(particles, 0, particles.size(), noise.data(), energies_.data());
  for (float energy : energies_)
    if (!std::isfinite(energy)) throw Refused("the model made an energy of " + std::to_string(energy) + " MeV");
  return energies_;
}

SingleShowers::SingleShowers(const G4String& name, G4Region* envelope, const FastSettings& settings, std::vector<G4ThreeVector> centres)
    : FastModel(name, envelope, settings), centres_(std::move(centres)) {
  if (centres_.size() != cells())
    throw Refused(std::to_string(centres_.size()) + " centres of cells, expected the " + std::to_string(cells()) + " of " + settings.model);
}

void SingleShowers::stopped(const G4FastTrack& track, const Particle& particle, const std::vector<float>& noise) {
  Particles one;
  one.add(particle, "");
  const std::vector<float>& energies = generated(one, noise);
  // The first deposit of a hit maker's life goes to where the track is, wherever it should: nothing that counts.
  hits_.make(G4FastHit(centres_[0], std::numeric_limits<G4double>::min()), track);
  for (std::size_t cell = 0; cell < centres_.size(); ++cell)
    if (energies[cell] > 0) hits_.make(G4FastHit(centres_[cell], energies[cell] * MeV), track);
}

BatchedShowers::BatchedShowers(const G4String& name, G4Region* envelope, const FastSettings& settings, ShowerSink& sink, std::size_t batch)
    : FastModel(name, envelope, settings), sink_(sink), batch_(std::max<std::size_t>(batch, 1)) {}

void BatchedShowers::stopped(const G4FastTrack& track, const Particle& particle, const std::vector<float>& noise) {
  particles_.add(particle, "");
  noise_.insert(noise_.end(), noise.begin(), noise.end());
  origins_.push_back({track.GetPrimaryTrack()->GetTrackID(), track.GetPrimaryTrack()->GetGlobalTime()});
  if (origins_.size() == batch_) fill();
}

void BatchedShowers::Flush() {
  if (!origins_.empty()) fill();
}

void BatchedShowers::fill() {
  const std::vector<float>& energies = generated(particles_, noise_);
  std::vector<G4double> shower(cells());
  for (std::size_t i = 0; i < origins_.size(); ++i) {
    std::transform(&energies[i * cells()], &energies[i * cells()] + cells(), shower.begin(), [](float energy) { return energy * MeV; });
    sink_.deposit(origins_[i], shower);
  }
  particles_ = {};
  noise_.clear();
  origins_.clear();
}

std::vector<G4ThreeVector> grid(int nx, int ny, G4double pitch_x, G4double pitch_y, G4double z) {
  std::vector<G4ThreeVector> centres;
  for (int i = 0; i < nx; ++i)
    for (int j = 0; j < ny; ++j) centres.emplace_back((i - (nx - 1) / 2.) * pitch_x, (j - (ny - 1) / 2.) * pitch_y, z);
  return centres;
}

}  // namespace calojax
