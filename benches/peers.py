#!/usr/bin/env python3
"""Measures pcapsule beside tshark and Suricata on one capture: the commands in turn, CPU seconds
(user and system, as the kernel counts them for the finished process), wall seconds and peak memory.

    benches/peers.py PCAPSULE CAPTURE [--runs N] [--peer-runs N] [--skip NAME,...]

CAPTURE is a plain pcap; CAPTURE.zst beside it is made by `zstd -3` if it is missing. Peers that are
not installed are left out, with a line saying so. The best run counts: what else the machine does only
ever adds to a run; the load is printed so that it is known what it did.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

FIELDS = """frame.number frame.time_epoch ip.src ip.dst tcp.srcport tcp.dstport tcp.stream
http.request.method http.request.uri http.response.code http.time http2.headers.path dns.qry.name
dns.flags.rcode dns.time""".split()

# Suricata as Debian ships it, without rules; its records are those of calls and connections alone.
OUTPUTS = """outputs:
  - eve-log:
      enabled: yes
      filetype: regular
      filename: eve.json
      types: [http, http2, dns, flow]
"""


def run(command, scratch):
    """Runs a command whose {out} is a new folder; CPU s, wall s, peak MB."""
    out = tempfile.mkdtemp(dir=scratch)
    command = [part.replace("{out}", out) for part in command]
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    shutil.rmtree(out)
    if status != 0:
        sys.exit(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1000


def suricata_config(scratch):
    """The installed configuration with our outputs in the place of its own."""
    lines, keep = [], True
    with open("/etc/suricata/suricata.yaml", encoding="utf-8") as shipped:
        for line in shipped:
            if line.startswith("outputs:"):
                lines.append(OUTPUTS)
                keep = False
            elif line[0].isalpha():
                keep = True
            if keep:
                lines.append(line)
    path = os.path.join(scratch, "suricata.yaml")
    with open(path, "w", encoding="utf-8") as ours:
        ours.writelines(lines)
    return path


def commands(pcapsule, capture, zst, scratch):
    dissect = lambda path, threads: [
        pcapsule, "dissect", path, "--threads", str(threads), "--cache", "{out}", "--summary", "json"
    ]
    fields = [word for field in FIELDS for word in ("-e", field)]
    ours = {
        "pcapsule, 1 thread": dissect(capture, 1),
        "pcapsule, 2 threads": dissect(capture, 2),
        "pcapsule, .zst, 1 thread": dissect(zst, 1),
        "pcapsule, .zst, 2 threads": dissect(zst, 2),
    }
    peers = {
        "tshark": ["tshark", "-n", "-r", capture, "-T", "fields", *fields],
        "suricata": ["suricata", "-c", suricata_config(scratch) if shutil.which("suricata") else "",
                     "-r", capture, "-l", "{out}", "--runmode", "single", "-S", "/dev/null",
                     "-k", "none"],
    }
    return ours, peers


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("pcapsule")
    arguments.add_argument("capture")
    arguments.add_argument("--runs", type=int, default=7)
    arguments.add_argument("--peer-runs", type=int, help="runs of each peer, when they take long")
    arguments.add_argument("--skip", default="", help="names to leave out: tshark,suricata")
    given = arguments.parse_args()
    zst = given.capture + ".zst"
    if not os.path.exists(zst):
        subprocess.run(["zstd", "-q", "-3", given.capture, "-o", zst], check=True)
    megabytes = os.path.getsize(given.capture) / 1e6
    scratch = tempfile.mkdtemp(prefix="peers-")
    try:
        ours, peers = commands(given.pcapsule, given.capture, zst, scratch)
        for name in list(peers):
            if name in given.skip.split(",") or not shutil.which(peers[name][0]):
                print(f"{name}: left out", file=sys.stderr)
                del peers[name]
        found = {name: [] for name in [*ours, *peers]}
        for turn in range(given.runs):
            for name, command in [*ours.items(), *peers.items()]:
                if name in ours or turn < (given.peer_runs or given.runs):
                    found[name].append(run(command, scratch))
            load = os.getloadavg()[0]
            print(f"turn {turn + 1}: load {load:.1f}", file=sys.stderr)
    finally:
        shutil.rmtree(scratch)
    base = min(cpu for cpu, _, _ in found["pcapsule, 1 thread"])
    print(f"{given.capture}: {megabytes:.0f} MB, load {load:.1f}, best of the runs")
    print("| command | runs | CPU s | MB per CPU s | wall s | peak MB | CPU against ours |")
    print("|---|---|---|---|---|---|---|")
    for name, runs in found.items():
        cpu, wall, _ = (min(column) for column in zip(*runs))
        print(f"| {name} | {len(runs)} | {cpu:.2f} | {megabytes / cpu:.0f} | {wall:.2f} "
              f"| {max(run[2] for run in runs):.0f} | {cpu / base:.1f} |")


if __name__ == "__main__":
    main()
