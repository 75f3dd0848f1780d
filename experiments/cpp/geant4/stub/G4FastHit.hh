#pragma once
#include "geant4_stub.hh"
