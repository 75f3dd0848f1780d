#!/bin/bash
# The templates and the engine on a real Slurm: a controller and a node of one machine, started from
# nothing in a folder of their own, as root, and taken away at the end.
#
#   apt-get install slurm-wlm munge
#   PYTHON=.venv/bin/python experiments/cluster/local_slurm.sh
#
# Small trainings are (1) run without Slurm, (2) sent SIGTERM, as before the end of their time, and
# queued again by train.sbatch, (3) cancelled and submitted anew, (4) on a node that fails. Then
# sweep.sbatch runs a sweep of six jobs on two workers of Slurm, one job and one worker killed; the
# same sweep is run as local processes. experiments/results/slurm.json tells whether the states are
# the same bit for bit and the tables the same.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
output=${1:-$root/experiments/results/slurm.json}
PYTHON=$(realpath -s "${PYTHON:-python}")
folder=$(mktemp -d -t calojax-slurm.XXXXXX)
chmod 755 "$folder"
mkdir -p "$folder"/{bin,state,spool,runs,dask}
host=$(hostname -s)

export PYTHON PATH=$folder/bin:$PATH SLURM_CONF=$folder/slurm.conf DASK_CONFIG=$folder/dask
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} JAX_PLATFORMS=cpu OMP_NUM_THREADS=1
export CALOJAX_LOCAL_SLURM=$folder  # what marks our processes

marked() {  # numbers of our processes of this name
  grep -slz "^CALOJAX_LOCAL_SLURM=$folder\$" /proc/[0-9]*/environ | cut -d/ -f3 | while read -r number; do
    if [ "$number" != $$ ] && [[ $(cat "/proc/$number/comm" 2>/dev/null) == $1 ]]; then
      echo "$number"
    fi
  done || true
}

steps() {  # the slurmstepd of our jobs: they overwrite their own environment
  local number parent
  for number in $(marked slurm_script) $(marked 'python*'); do
    parent=$(cut -d')' -f2 "/proc/$number/stat" | cut -d' ' -f3)
    if [[ $(cat "/proc/$parent/comm" 2>/dev/null) == slurmstepd ]]; then
      echo "$parent"
    fi
  done
}

fail_node() {  # SIGKILL to the node's daemon and to all that runs on it
  { marked slurmd; steps; marked slurm_script; marked srun; marked 'python*'; } 2>/dev/null |
    xargs -r kill -9 2>/dev/null || true
}

end() {
  code=$?
  scancel --user=root 2>/dev/null || true
  fail_node
  { marked slurmctld; marked munged; } | xargs -r kill -9 2>/dev/null || true
  [ $code -eq 0 ] || tail -n 30 "$folder"/*.log "$folder"/runs/*.log 2>/dev/null || true
  cd /
  rm -rf "$folder"
  exit $code
}
trap end EXIT
trap 'exit 130' INT TERM

until_true() {  # until_true SECONDS COMMAND...
  local limit=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -gt $limit ]; then
      echo "not in time: $*" >&2
      return 1
    fi
    sleep 0.3
  done
}

printf '#!/bin/sh\nexec "%s" -m calojax.console "$@"\n' "$PYTHON" > "$folder/bin/calojax"
chmod +x "$folder/bin/calojax"

# --- the daemons
cat > "$folder/slurm.conf" <<EOF
ClusterName=calojax
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,bf_interval=2
ReturnToService=2
SlurmdTimeout=10
InactiveLimit=0
KillWait=30
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc --all)
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
EOF
cat > "$folder/dask/jobqueue.yaml" <<EOF
jobqueue:
  slurm:
    cores: 1
    memory: 1GiB
    walltime: '00:30:00'
    job-directives-skip: ['--mem']  # a node that does not say how much it has
EOF
head -c 1024 /dev/urandom > "$folder/munge.key"
chmod 600 "$folder/munge.key"
munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
  --pid-file="$folder/munged.pid" --log-file="$folder/munged.log" --seed-file="$folder/munged.seed"
slurmctld
slurmd -N "$host"
until_true 30 sh -c "sinfo -h -o %T | grep -qx idle"
version=$(sinfo --version)
echo "$version is up"

# --- trainings
cd "$folder/runs"
"$PYTHON" - <<'EOF'
from calojax import data
from calojax.showers import take

showers, geometry, _ = data.load('lhcb_ecal')
with data.Writer('showers.h5', geometry, {}) as file:
  file.append(take(showers, slice(400)))
EOF
values=(
  --config.data.source=showers.h5 --config.latent=8 --config.warm_start.steps=300
  '--config.generator.channels=(16,8,8,8)' '--config.discriminator.channels=(8,8,8,16)'
  --config.train.batch=8 --config.train.log_every=10 --config.train.checkpoint_every=50
  --config.evaluation.clusters=10 --config.evaluation.runs=2
  "--config.evaluation.metrics=('prd','response')" --config.evaluation.pictures=False
)
steps=600
training=(cnn "${values[@]}" --config.train.steps=$steps --config.train.monitor_every=$steps)
submit() {  # submit NAME: the job's number
  sbatch --parsable --mem=0 --cpus-per-task=1 --job-name="$1" --output="$folder/runs/$1.log" \
    "$here/train.sbatch" "${training[@]}" --workdir="$1"
}
state() { squeue -h -j "$1" -o %T 2>/dev/null; }
gone() { [ -z "$(state "$1")" ]; }
running() { [ "$(state "$1")" = RUNNING ]; }
now() { scontrol update jobid="$1" StartTime=now 2>/dev/null || true; running "$1" || gone "$1"; }
reached() { [ "$(tail -n 1 "$1/metrics.jsonl" 2>/dev/null | grep -o '"step": [0-9]*' | cut -d' ' -f2)" -ge "$2" ]; }
judged() { [ -e "$1/evaluation/$steps/summary.json" ]; }
step_of() { tail -n 1 "$1/metrics.jsonl" | grep -o '"step": [0-9]*' | cut -d' ' -f2; }
restarts() { scontrol show job "$1" | grep -o 'Restarts=[0-9]*' | cut -d= -f2; }

calojax train "${training[@]}" --workdir=whole > whole.log 2>&1
echo 'a training without interruption: done'

requeued=$(submit requeued)
until_true 120 reached requeued 100
scancel --signal=TERM "$requeued.0"  # as --signal=TERM@120 does before the time is over
until_true 60 grep -q 'saved at step' requeued.log
requeued_at=$(step_of requeued)
until_true 60 sh -c "squeue -h -j $requeued -o %T | grep -q PENDING"
sleep 10  # Slurm itself waits two minutes: until then it has forgotten the job's first start
until_true 60 now "$requeued"
until_true 300 judged requeued
requeued_restarts=$(restarts "$requeued")
echo "SIGTERM at step $requeued_at, 75, queued again: done"

cancelled=$(submit cancelled)
until_true 120 reached cancelled 200
scancel "$cancelled"
until_true 60 gone "$cancelled"
cancelled_at=$(step_of cancelled)
cancelled=$(submit cancelled)
until_true 300 judged cancelled
echo "cancelled at step $cancelled_at, submitted anew: done"

failed=$(submit failed)
until_true 120 reached failed 150
failed_at=$(step_of failed)
fail_node
until_true 120 sh -c "sinfo -h -o %T | grep -q down"
until_true 60 sh -c "squeue -h -j $failed -o %T | grep -q PENDING"
scontrol hold "$failed"
slurmd -N "$host"
until_true 60 sh -c "sinfo -h -o %T | grep -qx idle"
sleep 10  # a node that is back so soon is still told to end what it ran before
scontrol release "$failed"
until_true 120 now "$failed"
until_true 300 judged failed
failed_restarts=$(restarts "$failed")
echo "node failed at step $failed_at, queued again by Slurm: done"

# --- a sweep
cat > sweep.toml <<'EOF'
seeds = [0, 1, 2]
figures = ["prd_auc/raw", "prd_auc/physics"]
[overrides]
data.source = "showers.h5"
latent = 8
warm_start.steps = 50
generator.channels = [16, 8, 8, 8]
discriminator.channels = [8, 8, 8, 16]
train.batch = 8
train.log_every = 10
train.checkpoint_every = 50
train.steps = 100
train.monitor_every = 100
evaluation.clusters = 10
evaluation.runs = 2
evaluation.metrics = ["prd", "response"]
evaluation.pictures = false
[[job]]
config = "cnn"
[[job]]
config = "cnn"
name = "slow"
[job.overrides]
adversarial.generator_rate = 1e-5
EOF
calojax sweep sweep.toml --workers=2 --output=plain > plain.log 2>&1
sweep=$(sbatch --parsable --mem=0 --output=killed.log "$here/sweep.sbatch" \
  sweep.toml --workers=2 --output=killed)
until_true 120 reached killed/cnn-seed0 20
kill -9 "$(grep -o '"pid": [0-9]*' killed/cnn-seed0/running.json | cut -d' ' -f2)"
until_true 240 reached killed/cnn-seed2 20
scancel "$(squeue -h -t RUNNING -n dask-worker -o %i | head -n 1)"
until_true 600 gone "$sweep"
until_true 60 sh -c '[ -z "$(squeue -h)" ]'
echo 'a sweep on two workers of Slurm, with a job and a worker killed: done'
cat killed.log

same() { "$PYTHON" "$here/same_state.py" whole "$1"; }
cat > outcome.json <<EOF
{
 "slurm": "$version",
 "steps": $steps,
 "requeued": {"at": $requeued_at, "restarts": $requeued_restarts, "state": $(same requeued)},
 "cancelled": {"at": $cancelled_at, "state": $(same cancelled)},
 "node_failed": {"at": $failed_at, "restarts": $failed_restarts, "state": $(same failed)},
 "sweep": {
  "jobs": 6,
  "workers": 2,
  "killed": $(grep -c 'killed by signal' killed.log),
  "worker_cancelled": $(grep -c 'lost with its worker\|was interrupted' killed.log),
  "same_table": $(cmp -s plain/table.md killed/table.md && echo true || echo false)
 }
}
EOF
"$PYTHON" - "$output" <<'EOF'
import json, sys
from calojax.files import write_text
from calojax.provenance import origin

found = json.load(open('outcome.json')) | {'meta': origin()}
write_text(sys.argv[1], json.dumps(found, indent=1) + '\n')
print(json.dumps(found, indent=1))
differing = [found[k]['state']['arrays_that_differ'] for k in ('requeued', 'cancelled', 'node_failed')]
sys.exit(0 if not any(differing) and found['sweep']['same_table'] else 1)
EOF
