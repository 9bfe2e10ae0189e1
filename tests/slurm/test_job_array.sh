#!/bin/bash
# Runs the shipped job array under a Slurm of its own on the loopback (munged, slurmctld, slurmd of Debian) and compares
# the joined result with that of one process. Exit code 77: Slurm cannot run here.
# usage: test_job_array.sh MOESAIC SOURCE_DIR
set -eu
moesaic=$1 source=$2
skip() {
    echo "skipped: $1"
    exit 77
}
for program in munged slurmctld slurmd sbatch sinfo; do
    PATH=$PATH:/usr/sbin command -v $program >/dev/null || skip "$program is not installed (slurmctld, slurmd, slurm-client, munge)"
done
PATH=$PATH:/usr/sbin
[ "$(id -u)" -eq 0 ] || skip "slurmd needs root"

dir=$(mktemp -d)
started=()
finish() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT

start() { # log command...
    local log=$dir/$1.log
    shift
    "$@" >"$log" 2>&1 &
    started+=($!)
}
# Waits up to a minute for a command to succeed.
wait_for() {
    for _ in $(seq 100); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.2
    done
    for log in "$dir"/*.log; do
        echo "== $log"
        tail -n 15 "$log"
    done
    skip "$* did not succeed within a minute"
}

head -c 1024 /dev/urandom >"$dir/munge.key"
chmod 400 "$dir/munge.key"
start munged munged --foreground --force --socket="$dir/munge.socket" --key-file="$dir/munge.key" \
    --pid-file="$dir/munged.pid" --log-file="$dir/munged.out" --seed-file="$dir/munge.seed"
wait_for test -S "$dir/munge.socket"

node=$(hostname -s)
port=$((20000 + $$ % 10000))
mkdir "$dir/state" "$dir/spool"
cat >"$dir/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/munge.socket
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
NodeName=$node NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
CONF
echo "CgroupPlugin=cgroup/v1" >"$dir/cgroup.conf"
export SLURM_CONF=$dir/slurm.conf
start slurmctld slurmctld -D -i -f "$SLURM_CONF"
start slurmd slurmd -D -N "$node" -f "$SLURM_CONF"
idle() { sinfo --noheader --format=%T | grep -qx idle; }
wait_for idle

cat >"$dir/sweep.toml" <<SWEEP
name = "job array"
scenario = "$source/scenarios/tutorial/01-one-node.toml"
axes = [{ path = "pools[0].nic_bandwidth", range = { from = "20 GB/s", to = "31 GB/s", steps = 12 } }]
SWEEP
export MOESAIC=$moesaic MOESAIC_DATA=$source MOESAIC_CACHE=$dir/cache
sbatch --wait --array=1-4 --cpus-per-task=1 --chdir="$dir" "$source/scenarios/sweeps/job_array.sbatch" \
    "$dir/sweep.toml" "$dir/joined.h5"
ls "$dir/joined.h5.parts"
"$moesaic" merge "$dir/sweep.toml" -o "$dir/joined.h5"
"$moesaic" sweep "$dir/sweep.toml" -o "$dir/whole.h5" --quiet --no-cache
cmp "$dir/joined.h5" "$dir/whole.h5"
echo "the job array's result is that of one process"
